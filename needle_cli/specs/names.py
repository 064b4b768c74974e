"""Resolve the dotted names of a spec, `module:attribute`, only in an allowed set of modules.

A spec is data that may come with a pull request, so it must not be able to run any function that it
names. This is not a sandbox: it prevents accidents and surprises, not a determined attack.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from needle_cli.problems import nearest
from needle_cli.specs.errors import listed, shown

OWN_MODULES = ("needle_cli.references", "needle_cli.checking.generation.sampling")
NUMPY_MODULES = (
    "numpy",
    "numpy.linalg",
    "numpy.fft",
    "numpy.lib.stride_tricks",
    "numpy.lib.scimath",
    "numpy.polynomial.polynomial",
)
SCIPY_MODULES = tuple(
    f"scipy.{part}"
    for part in (
        "special",
        "linalg",
        "fft",
        "signal",
        "ndimage",
        "stats",
        "integrate",
        "interpolate",
        "spatial.distance",
    )
)
ROOTS = ("numpy", "scipy", "operator", "needle", *OWN_MODULES)
MODULES = {"numpy": NUMPY_MODULES, "scipy": SCIPY_MODULES, "operator": ("operator",)}
HOMES = ("numpy", "scipy", "operator", "_operator", "needle", *OWN_MODULES)
"""Modules that may define an accepted function; those of `operator` are defined in C."""

REFUSED = frozenset(
    (
        "load", "loadtxt", "genfromtxt", "fromfile", "fromregex", "memmap", "save", "savez",
        "savez_compressed", "savetxt", "open_memmap", "set_printoptions", "seterr", "seterrcall",
        "setbufsize", "call", "source", "info", "show_config", "show_runtime", "get_include",
        "test", "get_printoptions", "printoptions", "getbufsize", "geterr", "geterrcall",
        "set_workers", "get_workers", "set_backend", "set_global_backend", "register_backend",
        "skip_backend", "copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask",
        "delitem", "setitem", "iadd", "iand", "iconcat", "ifloordiv", "ilshift", "imatmul", "imod",
        "imul", "ior", "ipow", "irshift", "isub", "itruediv", "ixor",
    )
)  # fmt: skip
"""Functions of the allowed modules that touch files, settings or their arguments, or run things."""

FUNCTIONS = frozenset(
    ("function", "builtin_function_or_method", "cython_function_or_method", "ufunc", "MultiUFunc",
     "_ArrayFunctionDispatcher", "_Function", "_lru_cache_wrapper")
)  # fmt: skip
"""Types of the functions of NumPy and SciPy; an object that can be called may do anything."""

DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class NameRefused(Exception):
    """A dotted name is malformed, unknown or not allowed; the text says which."""

    def __init__(self, message: str, expected: str = "", near: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.near = near


@dataclass(frozen=True)
class Resolver:
    """What dotted names may refer to: the fixed roots, trusted modules, the checked file."""

    trust: tuple[str, ...] = ()
    module: ModuleType | None = None

    def resolve(self, name: str) -> Callable[..., Any]:
        """Return the function that a dotted name stands for, or raise `NameRefused`."""
        if not DOTTED.fullmatch(name):
            raise NameRefused(
                f"{shown(name)} is not a dotted name", '"module:function", such as "numpy:log"'
            )
        module_name, _, attribute = name.partition(":")
        trusted = _within(module_name, self.trust)
        module = self._module(module_name, trusted)
        value: Callable[..., Any] = _walk(module, attribute.split("."), name, trusted)
        if isinstance(value, type) or not callable(value):
            raise NameRefused(f"{shown(name)} is not a function")
        if not trusted:
            if module_name.partition(".")[0] in MODULES and type(value).__name__ not in FUNCTIONS:
                raise _not_of_arrays(name)
            self._check_home(name, value)
        return value

    def _module(self, name: str, trusted: bool) -> ModuleType:
        if self.module is not None and name == self.module.__name__:
            return self.module
        root = name.partition(".")[0]
        allowed = trusted or name in OWN_MODULES or root in MODULES or root == "needle"
        if not allowed:
            roots = [*ROOTS, *([self.module.__name__] if self.module else []), *self.trust]
            raise NameRefused(
                f"names of the module {shown(name)} are not allowed here",
                f"{listed(roots)}, or --trust {root[:40]}",
                nearest(name, roots),
            )
        if not trusted and root in MODULES and name not in MODULES[root]:
            raise NameRefused(
                f"names of the module {shown(name)} are not allowed here",
                listed(MODULES[root]),
                nearest(name, MODULES[root]),
            )
        if not trusted and any(part.startswith("_") for part in name.split(".")):
            raise NameRefused(f"{shown(name)} is private", "a public module")
        return _import(name)

    def _check_home(self, name: str, value: Callable[..., Any]) -> None:
        """Refuse a function that an allowed module merely imported from elsewhere."""
        while isinstance(value, partial):
            value = value.func
        if _is_ufunc(getattr(value, "__self__", None)):
            return
        home = getattr(value, "__module__", None) or type(value).__module__
        homes = [*HOMES, *self.trust, *([self.module.__name__] if self.module else [])]
        if not _within(home, homes):
            raise NameRefused(
                f"{shown(name)} is defined in {shown(home)}, where names are not allowed",
                listed(ROOTS),
            )


def _within(name: str, modules: Collection[str]) -> bool:
    """Whether a module is one of `modules` or a submodule of one."""
    return any(name == module or name.startswith(module + ".") for module in modules)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if missing.partition(".")[0] == "scipy":
            remedy = "pip install 'needle-check[scipy]'"
            raise NameRefused("SciPy is not installed", remedy) from None
        near = nearest(name, [m for m in sys.modules if not m.rpartition(".")[2].startswith("_")])
        raise NameRefused(f"there is no module {shown(missing)}", near=near) from None
    except (Exception, SystemExit) as error:
        found = f"{type(error).__name__}: {error}"
        raise NameRefused(f"importing {shown(name)} failed with {shown(found)}") from None


def _walk(module: ModuleType, parts: Sequence[str], name: str, trusted: bool) -> Any:
    """Follow attributes from a module, but not out of its own package and not through objects.

    NumPy's ufuncs are the exception: `numpy:logaddexp.reduce` is a function of arrays.
    """
    value: Any = module
    root = module.__name__.partition(".")[0]
    for part in parts:
        if not trusted and part.startswith("_"):
            raise NameRefused(f"{shown(part)} in {shown(name)} is private", "a public name")
        if not trusted and part in REFUSED and root in MODULES:
            raise _not_of_arrays(name)
        if not trusted and not isinstance(value, ModuleType) and not _is_ufunc(value):
            raise NameRefused(f"{shown(name)} reaches into {shown(value)}", '"module:function"')
        try:
            value = getattr(value, part)
        except AttributeError:
            public = [n for n in dir(value) if not n.startswith("_")]
            owner = getattr(value, "__name__", type(value).__name__)
            raise NameRefused(
                f"{shown(owner)} has no {shown(part)}", near=nearest(part, public)
            ) from None
        if not trusted and isinstance(value, ModuleType) and not _is_public_part(value, root):
            raise NameRefused(
                f"{shown(name)} reaches the module {shown(value.__name__)} through an attribute",
                f'its own name before the colon, "{value.__name__}:function", if it is allowed',
            )
    return value


def _not_of_arrays(name: str) -> NameRefused:
    return NameRefused(
        f"{shown(name)} is not a function of arrays", "a function that computes a value from arrays"
    )


def _is_public_part(module: ModuleType, root: str) -> bool:
    """Whether a module reached by attribute is a public part of the same package."""
    name = module.__name__
    if root in MODULES:
        return name in MODULES[root]
    return root == "needle" and name.startswith("needle.") and "._" not in name


def _is_ufunc(value: object) -> bool:
    return type(value).__name__ == "ufunc" and type(value).__module__ == "numpy"
