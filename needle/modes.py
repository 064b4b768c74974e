"""How operators that are called now behave: eager or lazy, and with or without history."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LAZY_MODE = False
"""Whether every computation waits until data, shape or print is asked for."""

lazy_here: ContextVar[bool | None] = ContextVar("needle_lazy_here", default=None)

RECORDED, MARKED, NONE = 2, 1, 0
"""What a result keeps of its history: all, only whether there would be one, or nothing."""

history: ContextVar[int] = ContextVar("needle_history", default=RECORDED)


@contextmanager
def lazy_mode(enabled: bool = True) -> Iterator[None]:
    """Defer (or, with False, do not defer) computations within the block, in this thread only.

    A deferred value is computed when its data, shape, dtype or device is asked for; `backward`
    asks. The results are those of eager mode, bit for bit.
    """
    token = lazy_here.set(enabled)
    try:
        yield
    finally:
        lazy_here.reset(token)


def is_lazy() -> bool:
    """Whether operators called now defer their computation."""
    here = lazy_here.get()
    return LAZY_MODE if here is None else here


@contextmanager
def no_grad() -> Iterator[None]:
    """Keep no history within the block (or decorated function), in this thread only.

    Results are constants: `requires_grad` is False, whatever they are computed from.
    """
    token = history.set(NONE)
    try:
        yield
    finally:
        history.reset(token)


@contextmanager
def computing(kept: int) -> Iterator[None]:
    """Compute at once within the block, and keep this much history."""
    tokens = lazy_here.set(False), history.set(kept)
    try:
        yield
    finally:
        lazy_here.reset(tokens[0])
        history.reset(tokens[1])
