"""Hypothesis is loaded for a failure that is made smaller, and for nothing else."""

import subprocess
import sys

import pytest

from tests.helpers import environment

RUN = """
import sys
from needle import ops
from needle_cli.checking.model import Plan
from needle_cli.checking.search.judging import judge
from tests.samples.planted import Plant, plants

plant = next(p for p in plants() if p.name == "minus")
if {right}:
    plant = Plant("ours", plant.spec, ops.tanh, ())
rows = judge(*plant.judged(), Plan(("gradient",), examples=3))
print(rows[0].status.value, "hypothesis" in sys.modules)
"""


@pytest.mark.parametrize(("right", "said"), [(True, "pass False"), (False, "fail True")])
def test_hypothesis_is_loaded_for_a_failure_alone(right, said):
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(right=right)],
        env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.split("\n")[0] == said, done.stderr
