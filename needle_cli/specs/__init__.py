"""Read specifications: TOML files into frozen claims, with errors that say what to write.

`fields` is the one table of the keys of a spec. `document` and `lines` read a file, `table` reads a
table of it, and `forms` a value; `top`, `inputs`, `params` and `entries` read what needs more code.
`load` makes the claims and checks keys against each other; `schema` describes the form to editors.

Importing this package loads neither NumPy nor the checking core: `Spec`, `load_spec`, `load_specs`
and `lint` are imported on first use. Listings use `read_header`, which needs none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from needle_cli.specs.errors import SpecError, SpecIssue, as_problems
from needle_cli.specs.header import Header, find_specs_dir, read_header, spec_paths

if TYPE_CHECKING:
    from needle_cli.specs.load import Spec, load_spec, load_specs
    from needle_cli.specs.rules import lint

__all__ = [
    "Header",
    "Spec",
    "SpecError",
    "SpecIssue",
    "as_problems",
    "find_specs_dir",
    "lint",
    "load_spec",
    "load_specs",
    "read_header",
    "spec_paths",
]

_LATER = {"Spec": "load", "load_spec": "load", "load_specs": "load", "lint": "rules"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = value
    return value
