"""The fields that a spec may give: those of the dataclass of a domain or of a kind of parameter."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, get_type_hints


def fields_of(kind: type[Any]) -> Mapping[str, Any]:
    """Return the fields of a dataclass in order, each with its type."""
    types = get_type_hints(kind)
    return {field.name: types[field.name] for field in dataclasses.fields(kind)}
