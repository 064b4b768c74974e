"""A kind of parameter is one class and its line in the registry; loader and schema follow."""

import pytest

from needle_cli.checking.parameters.numbers import IntKind
from needle_cli.checking.parameters.registry import HOOK, KINDS, names
from needle_cli.specs import SpecError, load_spec
from needle_cli.specs.schema import build

SPEC = """\
op = "mine:shifted"
class = "Shifted"
reference = "needle_cli.references:add_scalar"
args = ["a", "scalar"]
input.a = "(S...)"
param.scalar = { kind = "small", max = 3 }
"""


class Small(IntKind):
    """A whole number with an upper end."""

    fields = ("max",)


@pytest.fixture
def loaded(tmp_path):
    def load(text):
        path = tmp_path / "mine.specs" / "shifted.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return load_spec(path).claims

    return load


def kinds_of_the_schema():
    options = build()["$defs"]["param"]["anyOf"]
    return [option.get("properties", {}).get("kind", {}).get("const") for option in options]


def test_a_new_kind_is_read_with_its_fields_and_in_the_schema(loaded, monkeypatch):
    monkeypatch.setitem(KINDS, "small", Small())
    claim = loaded(SPEC).params["scalar"]
    assert (claim.kind, claim.fields) == ("small", {"max": 3})
    assert "small" in kinds_of_the_schema()
    with pytest.raises(SpecError, match="min"):
        loaded(SPEC.replace("max", "min"))


def test_without_its_line_it_is_unknown(loaded):
    with pytest.raises(SpecError, match="small"):
        loaded(SPEC)
    assert "small" not in kinds_of_the_schema()


def test_no_spec_names_the_kind_of_a_function(loaded):
    assert HOOK in KINDS and HOOK not in names()
    with pytest.raises(SpecError, match="module:function"):
        loaded(SPEC.replace("small", HOOK))
