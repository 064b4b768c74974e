"""Values in a spec are held against the domain as the generators understand it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from needle_cli.checking.claims import Domain
from needle_cli.checking.domains.registry import domain_of
from needle_cli.specs import SpecError, load_spec
from needle_cli.specs.inputs import inside

SPEC = """\
op = "elsewhere:thing"
reference = "numpy:log"
args = ["p"]
input.p = {{ shape = "(..., n)", domain = {domain}, values = {values} }}
"""


def load(folder: Path, domain: str, values: str) -> None:
    path = folder / "thing.toml"
    path.write_text(SPEC.format(domain=domain, values=values))
    load_spec(path)


@pytest.mark.parametrize(
    ("domain", "fine", "outside"),
    [
        ('"simplex"', "[0.25, 1.0]", "[0.25, -1.0]"),
        ('"simplex"', "[0.25, 1.0]", "[0.0, 1.0]"),
        ('"simplex"', "[0.25, 1.0]", "[0.25, 1.5]"),
        ('"positive"', "[0.25]", "[0.0]"),
        ('"nonnegative"', "[0.0]", "[-1]"),
        ('"nonzero"', "[-1]", "[0]"),
        ("{ low = 0, open_low = true }", "[1]", "[0]"),
        ("{ low = 0, high = 2 }", "[0, 2]", "[2.5]"),
        ('{ name = "integer", high = 2 }', "[2.0]", "[1.5]"),
    ],
)
def test_values_lie_in_the_domain(tmp_path: Path, domain: str, fine: str, outside: str) -> None:
    load(tmp_path, domain, fine)
    with pytest.raises(SpecError, match="lies outside the domain") as caught:
        load(tmp_path, domain, outside)
    assert caught.value.line == 4


def test_what_is_drawn_of_a_simplex_is_inside_and_its_negative_is_not() -> None:
    domain = Domain("simplex")
    rows = domain_of(domain).draw(np.random.default_rng(1), (4, 3))
    assert domain_of(domain).contains(rows)
    assert all(inside(domain, value) for value in rows.flat)
    assert not any(inside(domain, -value) for value in rows.flat)
