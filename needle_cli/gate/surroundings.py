"""Files of a change that are neither operators nor specs, and bear on what the gate says.

Python runs some files before any program, and a module beside an operator can take the place of one
that the judge imports. And somebody has to start the gate: workflows and hooks do, and a change can
edit these too.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from pathlib import Path, PurePath

from needle_cli.gate.git import Change
from needle_cli.gate.imports import INIT, is_local
from needle_cli.gate.looking_around import looks_around
from needle_cli.gate.source_analysis import statements
from needle_cli.gate.weakening import Weakening
from needle_cli.operators.catalogue import UNREADABLE, source_text
from needle_cli.problems import shown_path

STARTUP = ("sitecustomize", "usercustomize")
"""Modules that Python imports before any program."""

FOR_TESTS = "conftest"
"""The module that pytest imports before any test."""

LIBRARIES = frozenset(
    ("_pytest", "attr", "attrs", "autograd", "click", "cupy", "hypothesis", "jax", "jaxlib",
     "markdown_it", "matplotlib", "needle", "needle_cli", "numpy", "pluggy", "pygments", "pytest",
     "rich", "scipy", "sortedcontainers", "torch")
)  # fmt: skip
"""Modules besides those of Python that the judge or an engine imports."""

NEVER = frozenset(
    ("antigravity", "cgi", "ensurepip", "idlelib", "lib2to3", "test", "this", "tkinter", "turtle",
     "turtledemo", "venv")
)  # fmt: skip
"""Modules of Python that neither imports."""

GATES = (
    ".github/workflows", ".github/actions", ".gitlab-ci.yml", ".gitlab", ".circleci",
    ".pre-commit-config.yaml", ".pre-commit-hooks.yaml", "action.yml", "azure-pipelines.yml",
    "Jenkinsfile",
)  # fmt: skip
"""Files and folders, at the top of a repository, by which build servers and hooks run things."""

COMMANDS = ("needle check", "needle-check", "pytest --needle", "needle_cli")
"""Words by which a script of any name is known to run the gate."""

PACKAGE = "needle-check"

PROSE = frozenset((".md", ".rst", ".txt", ".ipynb", ".html", ".py", ".toml", ".json", ".svg"))
"""Suffixes of files that may have such words and run nothing."""

LARGEST_SCRIPT = 2**18


def before_the_judge(change: Change, sources: Collection[Path]) -> Iterator[Weakening]:
    """Yield the files that run before the judge, or in the place of a module that it imports."""
    roots = {change.top, Path.cwd().resolve(), *(source.parent for source in sources)}
    for file in sorted(change.files):
        if not file.exists() or not change.differs(file):
            continue
        name = file.parent.name if file.name == INIT else file.stem
        folder = file.parent.parent if file.name == INIT else file.parent
        text = ""
        if file.suffix == ".pth" or (file.suffix == ".py" and name in STARTUP):
            text = "Python runs it before the judge"
        elif file.suffix not in (".py", ".so", ".pyd") or folder not in roots or file in sources:
            continue
        elif name == FOR_TESTS and (means := _new_looks(change, file)):
            text = f"pytest runs it before the judge, and it now uses {means}"
        elif _replaces(name) and not change.existed(file):
            text = f"Python may import it instead of the module {name}, which the judge uses"
        if text:
            yield Weakening("", "", f"{shown_path(file)}: {text}", path=shown_path(file))


def around_the_gate(change: Change) -> Iterator[Weakening]:
    """Yield the files of a change that run the gate, or may; a change could leave it out there."""
    for file in sorted(change.files):
        if _runs_something(file, change):
            text = "part of the change, and the gate may be run by it: see that it still is"
        elif _installs(file, change):
            text = "part of the change, and what it says of needle-check differs"
        else:
            text = ""
        if text:
            yield Weakening("", "", f"{shown_path(file)}: {text}", path=shown_path(file))


def _replaces(name: str) -> bool:
    """Whether a module of this name can be imported instead of one that the judge imports."""
    return name in LIBRARIES or name in sys.stdlib_module_names - NEVER


def _new_looks(change: Change, file: Path) -> str:
    """Return what a file uses since the change, apart from pytest itself."""

    def local(module: str) -> bool:
        return module.partition(".")[0] == "pytest" or is_local(module, file)

    try:
        now, before = source_text(file), change.text(file) or ""
        new = looks_around(statements(now), local) - looks_around(statements(before), local)
    except UNREADABLE:
        return "code that cannot be read"
    return ", ".join(sorted({look.what for look in new}))


def _installs(file: Path, change: Change) -> bool:
    """Whether a file says something else about the package of the judge than before."""
    if file.suffix not in (".toml", ".txt", ".cfg", ".lock", ".in", ".yml", ".yaml"):
        return False
    if not file.is_file() or file.stat().st_size > LARGEST_SCRIPT:
        return False
    texts = (change.text(file) or "", file.read_bytes().decode("utf-8", "replace"))
    before, now = ([line for line in text.splitlines() if PACKAGE in line] for text in texts)
    return before != now


def _runs_something(file: Path, change: Change) -> bool:
    inside = PurePath(file).relative_to(change.top) if change.top in file.parents else None
    if inside is None:
        return False
    if any(inside.is_relative_to(place) for place in GATES):
        return True
    if file.suffix in PROSE:
        return False
    texts = [change.text(file) or ""]
    if file.is_file() and file.stat().st_size < LARGEST_SCRIPT:
        texts.append(file.read_bytes().decode("utf-8", "replace"))
    return any(word in text for word in COMMANDS for text in texts)
