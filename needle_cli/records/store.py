"""`.needle/`: failing cases on disk, one file per case."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from needle_cli import stopping
from needle_cli._version import __version__
from needle_cli.problems import Problem
from needle_cli.records import tokens
from needle_cli.records.tokens import Record
from needle_cli.records.trusted import TokenError, trusted

FOLDER = ".needle"
FORMAT = "needle.case"
LARGEST_FILE = 64 * 2**20


class Store:
    """The failing cases under `root/.needle/failures`.

    A case that cannot be written (full disk, no permission, a file in the way) is a warning, given
    once through `warn`, and never an error: the report on the screen does not depend on it.
    """

    def __init__(self, root: Path, warn: Callable[[str], None]) -> None:
        self.root = root
        self.folder = root / FOLDER / "failures"
        self._warn = warn
        self._broken = False

    def save(self, record: Record, versions: Mapping[str, str]) -> str:
        """Write a record and return its ID; the ID is valid even if nothing could be written."""
        identity = tokens.identify(record)
        document = {
            "schema": FORMAT,
            "schema_version": 1,
            "id": identity,
            "needle": __version__,
            "versions": dict(versions),
            **hexadecimal(record),
        }
        self._write(f"{identity}.json", json.dumps(document, indent=1, allow_nan=False) + "\n")
        return identity

    def load(self, identity: str) -> Record:
        """Return the record of an ID; raises `Problem` when there is none."""
        path = self.folder / f"{identity}.json"
        if not path.is_file():
            known = [p.stem for p in self.paths()]
            raise Problem(
                f"no recorded case {identity} in {FOLDER}/failures"
                + ("" if known else " (it holds none)"),
                kind="token",
                nearest=_nearest_id(identity, known),
            )
        return read(path)

    def paths(self) -> list[Path]:
        """Return the files of all recorded cases, sorted."""
        return sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []

    def remove(self, path: Path) -> None:
        """Delete a recorded case."""
        try:
            path.unlink()
        except OSError as error:
            self._warn(f"cannot remove {path.name}: {error.strerror}")

    def _write(self, name: str, text: str) -> None:
        if self._broken:
            return
        try:
            make_folder(self.root, self.folder.name)
            write_whole(self.folder / name, text)
        except OSError as error:
            self._broken = True
            self._warn(
                f"failing cases are not stored, {FOLDER}/failures cannot be written "
                f"({error.strerror or error}); the tokens on the screen still replay"
            )


def make_folder(root: Path, name: str) -> Path:
    """Make a folder below `.needle/`, which git is told to ignore, and return it."""
    folder = root / FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder


def write_whole(path: Path, text: str | bytes) -> None:
    """Write a file so that a reader sees the old text or the new text, never half of it.

    The permissions are those of the old file, or of any new file.
    """
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    prefix = f".{path.name[:50]}"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, _mode_of(path))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _mode_of(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def read(path: Path) -> Record:
    """Return the record in a case file; raises `TokenError` for anything else."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise TokenError(f"{path.name} is too large for a recorded case")
        with stopping.waiting():  # for the writer of a pipe
            text = path.read_text(encoding="utf-8")
        document = json.loads(text)
    except OSError as error:
        raise TokenError(f"cannot read {path.name}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise TokenError(f"{path.name} is not a recorded case: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != FORMAT:
        raise TokenError(f"{path.name} is not a recorded case: it has no schema {FORMAT!r}")
    if document.get("schema_version") != 1:
        raise TokenError(f"{path.name} was written by another version of needle")
    missing = [name for name in ("op", "check", "inputs", "judged") if name not in document]
    if missing:
        raise TokenError(f"{path.name} is not a recorded case: it has no {missing[0]!r}")
    return trusted({name: document.get(name, tokens.EMPTY.get(name)) for name in tokens.FIELDS})


def hexadecimal(record: Record) -> Record:
    """Return the record with the values of floating arrays as hex floats, exact on any machine."""

    def rewrite(node: Any) -> Any:
        if isinstance(node, list):
            return [rewrite(item) for item in node]
        if not isinstance(node, dict):
            return node
        if str(node.get("dtype", "")).startswith("float") and "values" in node:
            return {**node, "values": [_hex(value) for value in node["values"]]}
        return {key: rewrite(item) for key, item in node.items()}

    cotangent = record.get("cotangent")
    return {**record, "inputs": rewrite(record["inputs"]), "cotangent": rewrite(cotangent)}


def _hex(value: Any) -> str:
    return value if isinstance(value, str) else float(value).hex()


def _nearest_id(identity: str, known: list[str]) -> str:
    folded = {name.lower(): name for name in known}
    return folded.get(identity.lower(), "")
