"""The keys of a spec that a listing shows, read without NumPy and without resolving names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import needle_cli
from needle_cli.specs.document import Document, read_document
from needle_cli.specs.errors import SpecError
from needle_cli.specs.table import Table

KNOWN_FAILURES = "known-failures.toml"
"""A file that lies among the specs but is not a spec."""

OP = 'module:function of the operator, such as "needle.ops:log"'


@dataclass(frozen=True)
class Header:
    """The keys of a spec that a listing shows. `name` is `family/function`."""

    path: Path
    name: str
    op: str
    class_name: str
    tags: tuple[str, ...]
    formula: str

    @property
    def function(self) -> str:
        """The part of `op` after the colon."""
        return self.op.rpartition(":")[2]


def read_header(path: Path, family: str | None = None) -> Header:
    """Read the header of one spec; raises `SpecError` if it cannot be read."""
    family = family or path.parent.resolve().name
    try:
        return _header(read_document(path, locate=False), family)
    except SpecError:
        return _header(read_document(path), family)  # again, for the line in the error


def _header(document: Document, family: str) -> Header:
    top = Table(document, "", document.data)
    op = read_op(top)
    return Header(
        document.path,
        f"{family}/{op.rpartition(':')[2]}",
        op,
        top.text("class"),
        top.strings("tags"),
        top.text("formula"),
    )


def read_op(top: Table) -> str:
    """Read `op`, `module:name`."""
    top.need("op", OP)
    op = top.text("op", what=OP)
    module, colon, function = op.partition(":")
    if (
        not colon
        or not function.isidentifier()
        or not all(part.isidentifier() for part in module.split("."))
    ):
        raise top.wrong("op", OP)
    return op


def spec_paths(directory: Path, family: str | None = None) -> list[Path]:
    """Return the spec files of a directory in order: `<family>/<function>.toml`.

    With `family` the files lie in the directory itself, as for a user's own file. Hidden files and
    folders (such as those of editors) and known failures are skipped.
    """
    found = directory.glob("*.toml") if family is not None else directory.rglob("*.toml")
    return sorted(
        path
        for path in found
        if path.name != KNOWN_FAILURES
        and not any(part.startswith(".") for part in path.relative_to(directory).parts)
    )


def find_specs_dir(explicit: Path | None = None) -> Path:
    """Return the directory of specs: the given one, or that of the checkout or installation."""
    if explicit is not None:
        if not explicit.is_dir():
            found = "is not a directory" if explicit.exists() else "no such directory"
            raise SpecError(explicit, None, found, "a directory of specs")
        return explicit
    package = Path(needle_cli.__file__).resolve().parent
    for candidate in (package.parent / "specs", package / "_specs"):
        if (candidate / "schema.json").is_file():
            return candidate
    raise SpecError(
        package / "_specs",
        None,
        "the specs are missing from this installation",
        "--specs DIR, or a complete installation",
    )
