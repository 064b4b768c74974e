#!/usr/bin/env bash
# The gate of a pull request: gradients, specs, and nothing asked less than before.
#
#   GATE_AGAINST=origin/main bash gate.sh [NAME|GLOB|PATH.py]... [OPTIONS]
#
# On a pull request (GATE_AGAINST is set) the operators that it changes are checked, by the specs
# that it brings and by those that it started from. Without, as on the main branch and at night,
# every operator is checked. Wrong gradients are planted into those that changed, to see that their
# specs would catch them (GATE_FAULTS= leaves that out). The exit code is that of `needle check` (docs: exit codes).
set -euo pipefail

options=(--profile ci)
if [ -n "${GATE_AGAINST:-}" ]; then
  options+=("--changed=$GATE_AGAINST" "--against=$GATE_AGAINST" ${GATE_FAULTS---faults})
fi
if [ -n "${GATE_REASON:-}" ]; then
  options+=("--accept-weakening=$GATE_REASON")
fi
exec needle check ops "${options[@]}" "$@"
