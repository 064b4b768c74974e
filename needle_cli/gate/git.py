"""Ask git what a file was at another commit, and which files differ from that commit."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from needle_cli import stopping
from needle_cli.gate.source_analysis import same_code
from needle_cli.operators.catalogue import UNREADABLE, source_text
from needle_cli.problems import Problem

FALLBACKS = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
"""A branch is compared with the first of these that exists if no other is named."""

PATIENCE = 60.0


class NoBase(Exception):
    """There is nothing to compare with; the text says why."""


class Change:
    """The working tree around this folder, compared with the commit where its branch left `ref`.

    The default of `ref` is the base of the pull request, or the first of the usual main branches.
    `files` are the files that differ from the commit, new files included.

    Raises:
        Problem: git does not know the name.
        NoBase: there is nothing to compare with, or a shallow clone does not have it.
    """

    def __init__(self, ref: str) -> None:
        self._folder = Path.cwd()
        if shutil.which("git") is None:
            raise NoBase("git is not installed")
        top = self._ask("rev-parse", "--show-toplevel")
        if top is None:
            raise NoBase("this folder is not in a git repository")
        self.top = Path(top.strip()).resolve()
        self.commit = self._merge_base(ref)
        self.renamed = self._renamed()
        self.files = self._changed()
        # A link that points elsewhere changes what it stands for.
        self._linked = {file.resolve() for file in self.files if file.is_symlink()}
        self.files |= self._linked
        self._differing: dict[Path, bool] = {}

    def differs(self, path: Path) -> bool:
        """Whether a file is part of the change; comments and docstrings of Python do not count."""
        if path not in self.files and not self.files.intersection(path.parents):
            return False  # of a submodule, git names only the folder
        if path not in self._differing:
            self._differing[path] = not self._only_words(path)
        return self._differing[path]

    def _only_words(self, path: Path) -> bool:
        before = self.text(path) if path.suffix == ".py" and path.is_file() else None
        try:
            return before is not None and same_code(before, source_text(path))
        except UNREADABLE:
            return False

    def text(self, path: Path) -> str | None:
        """Return the text of a file at the commit; None if it did not exist.

        The path is taken literally: a link that the change put there is not followed. Of a file
        that was moved, it is the text from before.
        """
        raw = None if self._linked.intersection((path, *path.parents)) else self._raw(path)
        if raw is None and path.absolute() in self.renamed:
            raw = self._raw(self.renamed[path.absolute()])
        if raw is None:
            return None
        if path.suffix == ".py":  # as Python reads it
            with contextlib.suppress(SyntaxError, UnicodeDecodeError):
                return importlib.util.decode_source(raw)
        return raw.decode("utf-8", "replace")

    def existed(self, path: Path) -> bool:
        """Whether a file of this very name existed at the commit."""
        return self._raw(path) is not None

    def _raw(self, path: Path) -> bytes | None:
        inside = self._inside(path)
        return None if inside is None else self._answer("show", f"{self.commit}:{inside}")

    def below(self, folder: Path) -> list[Path]:
        """Return the files below a folder at the commit, as paths relative to that folder."""
        inside = self._inside(folder)
        if inside is None:
            return []
        words = [] if inside == "." else [inside]
        listed = self._ask("ls-tree", "-r", "--name-only", "-z", "--full-tree", self.commit, *words)
        names = [name for name in (listed or "").split("\0") if name]
        return [Path(os.path.relpath(name, inside)) for name in names]

    def _merge_base(self, ref: str) -> str:
        if ref:
            if not self._knows(ref):
                raise Problem(f"git does not know {ref!r} here; is it fetched?", kind="git")
            names = [ref]
        else:
            environ = os.environ
            base = environ.get("GITHUB_BASE_REF") or environ.get(
                "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"
            )
            names = [f"origin/{base}", base] if base else []
            names = [name for name in (*names, *FALLBACKS) if self._knows(name)]
        if not names:
            raise NoBase("there is no branch to compare with: name one, as in --changed=REF")
        found = self._ask("merge-base", names[0], "HEAD")
        if found is None:
            raise NoBase(
                f"{names[0]} and this commit have no common ancestor here: the clone is shallow "
                "(fetch more of the history, for instance with git fetch --unshallow)"
            )
        return found.strip()

    def _knows(self, ref: str) -> bool:
        return self._ask("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}") is not None

    def _renamed(self) -> dict[Path, Path]:
        """Return the old path of every file that was moved, by the new one."""
        words = ("diff", "--name-status", "-z", "-M", "--diff-filter=R", self.commit, "--")
        parts = (self._ask(*words) or "").split("\0")[:-1]
        return {
            self.top / new: self.top / old
            for old, new in zip(parts[1::3], parts[2::3], strict=True)
        }

    def _changed(self) -> set[Path]:
        listed = self._ask("diff", "--name-only", "-z", "--no-renames", self.commit, "--")
        new = self._ask("ls-files", "--others", "--exclude-standard", "-z", "--full-name", ":/")
        if listed is None or new is None:
            raise NoBase("git cannot compare the working tree")
        return {self.top / name for name in (listed + new).split("\0") if name}

    def _inside(self, path: Path) -> str | None:
        """Return a path relative to the top of the tree; None for a path outside of it."""
        here = os.path.realpath(self._folder)
        name = os.path.relpath(os.path.abspath(path), os.path.abspath(self._folder))
        inside = os.path.relpath(os.path.normpath(os.path.join(here, name)), self.top)
        return None if inside.startswith("..") else Path(inside).as_posix()

    def _ask(self, *words: str) -> str | None:
        """Return the text that git prints; None if it fails."""
        raw = self._answer(*words)
        return None if raw is None else raw.decode("utf-8", "replace")

    def _answer(self, *words: str) -> bytes | None:
        """Return what git prints; None if it fails."""
        try:
            with stopping.waiting():
                done = subprocess.run(
                    ["git", "-C", str(self._folder), *words],
                    capture_output=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL,
                )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None
