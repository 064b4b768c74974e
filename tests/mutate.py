"""Plants mistakes in our own operators and shows that `needle check ops` catches each of them.

    python -m tests.mutate [OPERATOR...] [--list] [--quick] [-j N] [--json FILE]

Every place of a gradient's syntax tree at which a mistake can be made gives a mutant: a sign, a
forgotten sum_to, a wrong axis, an ignored cotangent, swapped operands. The engine with that one
edit is judged by the tool's own workers; a finding's smallest case is replayed by its token with
the edited engine (FAILS) and with the right one (FIXED), and for one mutant per operator the same
is done with the commands. What no check catches is compared by value with the right gradient.
The exit code is 1 if an edit that changes something survives.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from needle_cli.explanations import CHECKS
from tests.mutants import command, screen
from tests.mutants.campaign import Campaign
from tests.mutants.edits import Mutant, mutants, one_per_kind
from tests.mutants.sources import Sources


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    options = _parser().parse_args(words)
    chosen = select(mutants(Sources()), options.operators)
    if options.quick:
        chosen = list(one_per_kind(chosen))
    if not chosen:
        print(f"no operator is called {' or '.join(options.operators)}", file=sys.stderr)
        return 2
    if options.list:
        for mutant in chosen:
            print(f"{mutant.name} [{mutant.kind}]\n  {mutant.diff.partition('@@')[2]}")
        return 0
    started = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {text}", file=sys.stderr, flush=True)

    checks = options.checks.split(",")
    campaign = Campaign(options.jobs, checks, shrink=not options.no_shrink, tell=tell)
    verdicts = campaign.run(chosen)
    picked = [] if options.no_commands else command.sample(verdicts)
    tell(f"running the commands for {len(picked)} mutants")
    sessions = command.sessions(picked, options.jobs)
    for part in (screen.unchanged(verdicts), screen.commands(sessions) if sessions else (),
                 screen.survivors(verdicts), ("",), screen.table(verdicts)):  # fmt: skip
        for line in part:
            print(line)
    print(f"\n{len(chosen)} edits in {time.monotonic() - started:.0f} s")
    if options.json:
        text = json.dumps(screen.document(verdicts, sessions), indent=1)
        Path(options.json).write_text(text + "\n", encoding="utf-8")
    return int(not all(v.ok for v in verdicts) or any(s.problem for s in sessions))


def select(found: Sequence[Mutant], names: Sequence[str]) -> list[Mutant]:
    """Return the mutants of operators by `family/function`, function, or owner's name."""
    if not names:
        return list(found)
    wanted = set(names)

    def words(mutant: Mutant) -> set[str]:
        functions = {operator.rpartition("/")[2] for operator in mutant.operators}
        return {*mutant.operators, *functions, mutant.owner, mutant.owner.partition(".")[0]}

    return [mutant for mutant in found if words(mutant) & wanted]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.mutate", description=(__doc__ or "")[:75])
    parser.add_argument("operators", nargs="*", metavar="OPERATOR")
    parser.add_argument("--list", action="store_true", help="show the edits, judge nothing")
    parser.add_argument("--quick", action="store_true", help="one edit per kind and operator")
    parser.add_argument("--no-commands", action="store_true", help="leave the command line out")
    parser.add_argument("--no-shrink", action="store_true", help="show cases as they were met")
    parser.add_argument("--checks", default=",".join(CHECKS), help="ask only these checks")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="worker processes")
    parser.add_argument("--json", metavar="FILE", help="also write everything as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
