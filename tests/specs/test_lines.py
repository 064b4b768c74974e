"""The locator of keys: every key path of a TOML text is found at its line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from needle_cli.specs import find_specs_dir, spec_paths
from needle_cli.specs.document import Document
from needle_cli.specs.lines import key_lines

TANGLED = '''\
a = """
b = 1
[[c]]
""" # quotes inside: ""
'quoted key' . "other\\u0041" = [
  1, # one
  { deep = "]" , list = [ [2],
    [3] ] },
  'it''
  ,
]
z = \'\'\'it's
[x]\'\'\'

[ d . e ]
f = 1e3

[[g]]
h = 1
[[g.i]]
j = 1
[[g.i]]
j = 2
[g.k]
l = 1
[[g]]
h = inf
[[g.i]]
j = 1979-05-27T07:32:00Z
'''.replace("  'it''\n", "  'it',\n  ''\n")


def paths(value: Any, prefix: str = "") -> Iterator[str]:
    """Return every key path of parsed TOML."""
    if prefix:
        yield prefix
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from paths(item, f"{prefix}.{key}" if prefix else key)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from paths(item, f"{prefix}[{i}]")


def test_lines_of_a_tangled_text() -> None:
    lines = key_lines(TANGLED)
    found = {key: TANGLED.split("\n")[number - 1] for key, number in lines.items()}
    assert set(paths(tomllib.loads(TANGLED))) <= set(lines)
    assert found["a"] == 'a = """'
    assert found["quoted key.otherA"].startswith("'quoted key'")
    assert found["quoted key.otherA[1].deep"].startswith("  { deep")
    assert found["quoted key.otherA[1].list[1]"] == "    [3] ] },"
    assert found["z"] == "z = '''it's"
    assert found["d.e.f"] == "f = 1e3"
    assert found["g[0].i[1].j"] == "j = 2"
    assert found["g[0].k.l"] == "l = 1"
    assert found["g[1].h"] == "h = inf"
    assert found["g[1].i[0].j"].startswith("j = 1979")
    assert "b" not in lines
    assert "x" not in lines


def test_every_key_of_every_spec_is_found() -> None:
    count = 0
    for path in spec_paths(find_specs_dir()):
        text = path.read_text()
        lines = key_lines(text)
        for key in paths(tomllib.loads(text)):
            name = key.rpartition(".")[2].partition("[")[0]
            assert name in text.split("\n")[lines[key] - 1] or "[" in key
            count += 1
    assert count > 400


KEYS = st.text("abc-_é.\"'\\ #=[]{}\n\t", min_size=1, max_size=4)
STRINGS = st.text("ab\"'\\\n[]{}=,# ", max_size=8)


def quoted(text: str) -> str:
    """Return a basic TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + escaped.replace("\t", "\\t") + '"'


@given(st.lists(st.tuples(KEYS, STRINGS, st.booleans()), unique_by=lambda item: item[0]))
def test_strange_keys_and_strings(items: list[tuple[str, str, bool]]) -> None:
    text = ""
    expected = {}
    for key, value, table in items:
        expected[key] = text.count("\n") + 1
        written = f"{{ x = {quoted(value)} }}" if table else f"[ {quoted(value)}, \n 1 ]"
        text += f"{quoted(key)} = {written} # {quoted(value)}\n"
    assert set(tomllib.loads(text)) == set(expected)
    lines = key_lines(text)
    assert {key: lines[key] for key in expected} == expected


def test_a_key_without_a_line_takes_the_enclosing_one() -> None:
    document = Document(__file__, {}, {"a": 3, "a.b[0]": 5})  # type: ignore[arg-type]
    assert document.line_of("a.b[0].c.d") == 5
    assert document.line_of("a.b[1]") == 3
    assert document.line_of("a.b") == 3
    assert document.line_of("z.y") == 1
    assert document.line_of("") == 1
