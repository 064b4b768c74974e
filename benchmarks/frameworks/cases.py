"""Cases of the frameworks: an operator, a dtype and a number say everything."""

from __future__ import annotations

import importlib
import zlib
from typing import Any

import numpy as np

from benchmarks.frameworks.draws import Operator, inputs_of

FRAMEWORKS = ("torch", "jax", "autograd")
TRIES = 20


class Unsupported(Exception):
    """The framework has no such operator, or none for this dtype."""


def operators_of(framework: str) -> dict[str, Operator]:
    """Return a framework's operators by name; the framework is imported here."""
    found: dict[str, Operator] = _adapter(framework).OPERATORS
    return found


def case(framework: str, name: str, dtype: str, seed: int, number: int) -> Any:
    """Return forward function, vjp and inputs of one case.

    Raises:
        Unsupported: The operator does not take the dtype, or no inputs with finite outputs and
            gradients of their own dtype were found.
    """
    operator = operators_of(framework)[name]
    if dtype not in operator.dtypes:
        raise Unsupported("left out: docs/found.md")
    forward, vjp = _adapter(framework).pair(operator.call)
    rng = np.random.default_rng([seed, number, zlib.crc32(f"{name} {dtype}".encode())])
    for _ in range(TRIES):
        inputs = inputs_of(operator, dtype, rng)
        try:
            with np.errstate(all="ignore"):
                outputs = forward(*inputs)
                outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        except (RuntimeError, TypeError, NotImplementedError) as error:
            raise Unsupported(str(error).split("\n")[0]) from error
        if all(np.isfinite(np.asarray(out)).all() for out in outputs):
            return forward, vjp, inputs
    raise Unsupported("no inputs with finite outputs found")


def _adapter(framework: str) -> Any:
    return importlib.import_module(f"benchmarks.frameworks.of_{framework}")
