"""A valid spec as lines of text, to be broken one line at a time."""

from __future__ import annotations

from pathlib import Path

VALID = """\
op = "elsewhere:thing"
class = "Thing"
reference = "needle_cli.references:fused_add_scalars"
args = ["a", "b", "stride"]
formula = "y = a b; da = dy b, db = dy a"
tags = ["hw1"]
structure = "multilinear"
require = ["m + 2*stride >= n", "m != 2 or n == 2"]
input.a = { shape = "(..., m, n)", domain = "positive" }
input.b = "(..., m, n)"
dims.m = { min = 1, max = 4 }
param.stride = { kind = "int", min = 1, max = 3 }

[[kink]]
kind = "equal"
of = ["a", "b"]
curvature = "none"
reason = "neither convex nor concave"

[[lane]]
name = "small"
override.a = { values = [1, 2] }

[[error]]
why = "shapes differ"
a = { shape = [2, 3] }
b = { value = [[1.0, 2.0]] }
stride = 1
raises = "ValueError"

[[tolerance]]
dtype = "float32"
factor = 8
reason = "cancellation in short rows"
"""


def line(number: int, text: str) -> str:
    """Return the valid spec with one line replaced."""
    lines = VALID.split("\n")
    lines[number - 1] = text
    return "\n".join(lines)


def without(number: int) -> str:
    """Return the valid spec with one line emptied."""
    return line(number, "")


def after(text: str) -> str:
    """Return the valid spec with text appended; it starts on line 36."""
    return f"{VALID}\n{text}"


def write(folder: Path, text: str | bytes, name: str = "thing.toml") -> Path:
    """Write a spec file and return its path."""
    path = folder / "family" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
