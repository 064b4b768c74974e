"""Read specifications: TOML files into frozen claims, with errors that teach.

`fields` is the one table of what may stand in a spec. `document` and `lines` read a file, `table`
one table of it, `forms` a value; `top`, `inputs`, `params` and `entries` read what takes more.
`load` makes the claims and checks what belongs together; `schema` describes the form to editors.

Importing this package loads neither NumPy nor the checking core: `Spec`, `load_spec`, `load_specs`
and `lint` are fetched when first asked for. Listings use `read_header`, which needs none of them.
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
