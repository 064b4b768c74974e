"""The engine imported afresh, with the text of one of its modules replaced."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType

PACKAGE = "needle"


class Edited(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module of the engine and gives it another text, under its own file name."""

    def __init__(self) -> None:
        self.module = ""
        self.text = ""
        self.installed: tuple[str, str] | None = None

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return a spec for the edited module, None for every other."""
        if name != self.module or path is None:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path)
        if found is None or found.origin is None:
            return None
        return importlib.util.spec_from_file_location(name, found.origin, loader=self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Leave it to Python."""

    def get_filename(self, name: str) -> str:
        """Return the file whose text is replaced, so that tracebacks name it."""
        found = sys.modules[PACKAGE].__path__[0]
        return f"{found}/{name.partition('.')[2].replace('.', '/')}.py"

    def exec_module(self, module: ModuleType) -> None:
        """Run the edited text as the module."""
        assert module.__spec__ is not None
        exec(compile(self.text, module.__spec__.origin or "", "exec"), module.__dict__)


_edited = Edited()


def install(module: str = "", text: str = "", *_: str) -> ModuleType:
    """Import the engine anew with `text` as its `module`; as it is on disk without one.

    Objects of the engine that was imported before stay as they are.
    """
    if _edited not in sys.meta_path:
        sys.meta_path.insert(0, _edited)
    if _edited.installed == (module, text) and PACKAGE in sys.modules:
        return sys.modules[PACKAGE]
    for name in [n for n in sys.modules if n == PACKAGE or n.startswith(f"{PACKAGE}.")]:
        del sys.modules[name]
    _edited.module, _edited.text, _edited.installed = module, text, None
    engine = importlib.import_module(PACKAGE)
    _edited.installed = (module, text)
    return engine
