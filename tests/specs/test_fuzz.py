"""Whatever stands in a spec, the loader answers with a `Spec` or a `SpecError`, never otherwise."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from needle_cli.specs import SpecError, find_specs_dir, load_spec, spec_paths
from needle_cli.specs.document import Document
from tests.specs.texts import VALID, write

JUNK = (
    "0", "-1", "1", "7", "1.5", "nan", "inf", "-inf", "1e308", "true", "false", '""', '" "', '"a"',
    '"numpy:exp"', '"numpy"', '"real"', '"axes"', '"(...)"', '"(m?, n)"', "[]", "[[]]", "[1, 2]",
    '["a"]', '["a", "a"]', "[{}]", "{}", '{ shape = "(n)" }', "{ kind = 1 }", '{ kind = "axes" }',
    "{ min = 9, max = 1 }", "1979-05-27", "07:32:00", "9223372036854775808", "0x" + "f" * 400,
    '"\\u0000"', '"\\u202e"', '{ a = { a = { a = 1 } } }', '[[[[["a"]]]]]', '"x:y"', '"__main__:x"',
)  # fmt: skip
KEYS = ("a", "b", "input", "input.a", "param.a", "dims.n", "kink", "lane", "error", "require", "x",
        '"a.b"', '""', "facts.linear_in", "op", "args", "rename.a")  # fmt: skip
TEXTS = [VALID, *(path.read_text() for path in spec_paths(find_specs_dir()))]


def mutated(text: str, rng: random.Random) -> str:
    """Return the text with one to three changes."""
    lines = text.split("\n")
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines))
        key, equals, _ = lines[at].partition(" = ")
        how = rng.randrange(6)
        if how == 0 and equals:
            lines[at] = f"{key} = {rng.choice(JUNK)}"
        elif how == 1 and equals:
            lines[at] = lines[at].replace(key, rng.choice(KEYS), 1)
        elif how == 2:
            lines[at] = ""
        elif how == 3:
            lines.insert(at, f"{rng.choice(KEYS)} = {rng.choice(JUNK)}")
        elif how == 4:
            lines.insert(at, lines[rng.randrange(len(lines))])
        else:
            place = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + rng.choice("\"'[]{}=,.#x0 ") + lines[at][place + 1 :]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_specs(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    found: Counter[str] = Counter()
    for _ in range(500):
        text = mutated(rng.choice(TEXTS), rng)
        path = write(tmp_path, text)
        op = text.partition("op")[2].partition(":")[2].partition('"')[0]
        try:
            load_spec(
                path.rename(path.with_name(f"{op or 'x'}.toml")) if op.isidentifier() else path
            )
            found["fine"] += 1
        except SpecError as error:
            assert error.line is None or 1 <= error.line <= text.count("\n") + 1
            assert "\n" not in str(error)
            assert str(error).isprintable()
            found["refused"] += 1
    assert found["fine"] > 20
    assert found["refused"] > 200


def test_the_fuzz_would_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twin: an error of another kind is not taken for a refusal."""
    monkeypatch.setattr(Document, "error", lambda *_: ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        load_spec(write(tmp_path, VALID.replace("tags", "tagz")))
