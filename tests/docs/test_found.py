"""Every block of docs/found.md shows a wrong gradient; a release that repairs it fails here."""

import math
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "found.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.S)


def wrong(found, true):
    """Return whether a value differs by more than rounding."""
    if not isinstance(true, float):
        return found != true
    return not math.isclose(found, true, rel_tol=1e-9)


@pytest.mark.parametrize(("found", "true"), [(1.0, 1.0 + 1e-12), ((4,), (4,)), ("a", "a")])
def test_equal_answers_are_not_wrong(found, true):
    assert not wrong(found, true)


@pytest.mark.parametrize(
    ("found", "true"), [(1.0, 1.0 + 3e-8), (1.0, 0.0), (math.nan, 1.0), ((3, 4), (4,)), ("a", "b")]
)
def test_other_answers_are_wrong(found, true):
    assert wrong(found, true)


@pytest.mark.campaign
@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_shows_a_wrong_gradient(block):
    for package in ("mpmath", "torch", "jax", "autograd"):
        if re.search(rf"\b{package}\b", block):
            pytest.importorskip(package, reason=f"{package}: pip install -e '.[peers]'")
    names = {}
    exec(block, names)
    assert wrong(names["found"], names["true"]), names
