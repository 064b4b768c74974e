"""The operators: one file per family, all of them importable from here.

A family is a file of this folder whose name begins with no underscore. Its `__all__` is the only
list of its operators: what a file names there can be imported from here and from `needle`.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from needle import tensor
from needle.ops import _support, _syntax, tuples

if TYPE_CHECKING:
    # Type checkers and editors do not follow the loop below. An operator of a family that is
    # missing here can be used all the same, without their help.
    from needle.ops.activation import *
    from needle.ops.arithmetic import *
    from needle.ops.convolution import *
    from needle.ops.exponential import *
    from needle.ops.indexing import *
    from needle.ops.linalg import *
    from needle.ops.reduction import *
    from needle.ops.shape import *
    from needle.ops.trigonometric import *
    from needle.ops.tuples import *

    def __getattr__(name: str) -> Any: ...


def _operators() -> dict[str, Any]:
    """Return the operators of every family by name."""
    found: dict[str, Any] = {}
    for file in iter_modules(__path__):
        if not file.name.startswith("_"):
            family = import_module(f"{__name__}.{file.name}")
            found |= {name: getattr(family, name) for name in family.__all__}
    return found


_found = _operators()
globals().update(_found, __all__=list(_found))
tensor.ops.hand_over(
    **_found,
    cast=_support.cast,
    members_of=tuples.members_of,
    scalar_beside=_syntax.scalar_beside,
    subtract=_syntax.subtract,
    subtract_from=_syntax.subtract_from,
    subtract_scalar=_syntax.subtract_scalar,
    to_device=_support.to_device,
)
