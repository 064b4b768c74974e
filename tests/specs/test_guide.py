"""docs/specs.md names every word that may stand in a spec, and says which no shipped spec uses."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from needle_cli.checking.kinks.registry import KINKS, convention_words
from needle_cli.specs import find_specs_dir, spec_paths
from needle_cli.specs.vocabulary import CURVATURES, STRUCTURES

GUIDE = (Path(__file__).parents[2] / "docs" / "specs.md").read_text(encoding="utf-8")
SCHEMA = json.loads((find_specs_dir() / "schema.json").read_text())
SPECS = [tomllib.loads(path.read_text(encoding="utf-8")) for path in spec_paths(find_specs_dir())]

TABLES = ("kink", "lane", "error", "tolerance", "nondeterministic", "immune", "example")
WORDS = {"kind": KINKS, "curvature": CURVATURES, "convention": convention_words()}


def named(options: list[Any], key: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the domains, or kinds of parameters, of the schema, each with its fields."""
    for option in options:
        constant = option.get("properties", {}).get(key, {}).get("const")
        if constant is not None:
            yield constant, [name for name in option["properties"] if name != key]


DOMAINS = dict(named(SCHEMA["$defs"]["domain"]["anyOf"], "name"))
PARAMS = dict(named(SCHEMA["$defs"]["param"]["anyOf"], "kind"))


def known_words() -> set[str]:
    """Return every word of the schema as "what it is: word"."""
    top = SCHEMA["properties"]
    found = {f"key: {key}" for key in top}
    found |= {f"structure: {word}" for word in STRUCTURES}
    for key in TABLES:
        found |= {f"{key}: {name}" for name in top[key]["items"]["properties"]}
    for key, words in WORDS.items():
        found |= {f"kink {key}: {word}" for word in words}
    found |= {f"facts: {name}" for name in top["facts"]["properties"]}
    found |= {f"dims: {name}" for name in SCHEMA["$defs"]["dim"]["properties"]}
    found |= {f"input: {name}" for name in SCHEMA["$defs"]["change"]["properties"]}
    spread = SCHEMA["$defs"]["change"]["properties"]["spread"]["properties"]
    found |= {f"spread: {name}" for name in spread}
    for what, kinds in (("domain", DOMAINS), ("param", PARAMS)):
        for kind, fields in kinds.items():
            found |= {f"{what}: {kind}", *(f"{what} {kind}: {name}" for name in fields)}
    return found


def used_words(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words of one spec."""
    yield from (f"key: {key}" for key in spec)
    yield f"structure: {spec.get('structure')}"
    for key in TABLES:
        for table in spec.get(key, ()):
            yield from (f"{key}: {name}" for name in table)
            yield from (f"kink {word}: {table.get(word)}" for word in WORDS if key == "kink")
    yield from (f"facts: {name}" for name in spec.get("facts", ()))
    for dim in spec.get("dims", {}).values():
        yield from (f"dims: {name}" for name in dim)
    overrides = [lane["override"] for lane in spec.get("lane", ())]
    for arguments in (spec["input"], spec.get("param", {}), *overrides):
        for argument in arguments.values():
            yield from words_of(argument)


def words_of(argument: Any) -> Iterator[str]:
    """Yield the words of an input or a parameter."""
    if isinstance(argument, str):
        return
    if "kind" in argument:
        kind = argument["kind"]
        yield f"param: {kind}"
        yield from (f"param {kind}: {name}" for name in argument)
        return
    yield from (f"input: {name}" for name in argument)
    yield from (f"spread: {name}" for name in argument.get("spread", ()))
    domain = argument.get("domain", "real")
    fields = domain if isinstance(domain, dict) else {"name": domain}
    name = fields.get("name", "interval")
    yield f"domain: {name}"
    yield from (f"domain {name}: {field}" for field in fields)


def unused(specs: list[dict[str, Any]]) -> list[str]:
    """Return the lines of the guide's list: what no spec uses, its fields left out."""
    free = known_words() - {word for spec in specs for word in used_words(spec)}
    whole = {word.partition(": ")[2] for word in free if word.startswith(("domain:", "param:"))}
    whole |= {word.removeprefix("key: ") for word in free if word.startswith("key:")}
    if "input: spread" in free:
        whole.add("spread")
    groups: dict[str, list[str]] = {}
    for word in sorted(free):
        group, _, name = word.partition(": ")
        if group.rpartition(" ")[2] not in whole:
            groups.setdefault(group, []).append(f"`{name}`")
    return [f"- {group}: {', '.join(names)}" for group, names in groups.items()]


def listed(guide: str) -> list[str]:
    return [
        line for line in guide.partition("no shipped spec uses")[2].split("\n") if line[:2] == "- "
    ]


def test_the_guide_says_what_no_shipped_spec_uses() -> None:
    assert listed(GUIDE) == unused(SPECS), "the list is: " + "\n".join(unused(SPECS))


def test_a_word_that_comes_into_use_is_noticed() -> None:
    """Twin: the list above follows from the specs."""
    assert "- key: " in "\n".join(unused(SPECS))
    used = {**SPECS[0], "order": 1, "immune": [{"fault": "sign", "reason": "even"}]}
    more = unused([*SPECS, used])
    assert "`order`" in "".join(unused(SPECS)) and "`order`" not in "".join(more)
    assert "`immune`" in "".join(unused(SPECS)) and "`immune`" not in "".join(more)


@pytest.mark.parametrize("word", sorted({word.rpartition(": ")[2] for word in known_words()}))
def test_the_guide_explains_every_word(word: str) -> None:
    text = GUIDE.partition("## Words that")[0]
    assert re.search(rf"`[^`]*\b{word}\b[^`]*`", text), f"docs/specs.md does not explain {word}"
