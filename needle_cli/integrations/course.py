"""The course's `gradient_check`: its signature and return value, with our method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from needle_cli.checking import GradientError, Verdict, check_function
from needle_cli.checking.library.api import entries


def gradient_check(
    f: Callable[..., Any], *args: Any, tol: float = 1e-6, backward: bool = False, **kwargs: Any
) -> list[npt.NDArray[Any]]:
    """Check the gradient of `f(*args, **kwargs)` and return it for a cotangent of ones.

    Args:
        f: A function of tensors that returns a tensor.
        args: Tensors, or sequences of tensors.
        tol: An upper limit for the difference of an analytic and a numeric entry. The bound of our
            own method is nearly always much smaller and applies in any case.
        backward: Take the gradients from `backward()` instead of from the operator's `gradient`.
        kwargs: Parameters of `f`.

    Returns:
        One array per tensor in `args`, of its shape: the gradient of the sum of the output.

    Raises:
        AssertionError: A gradient is wrong; the text is the readable report.
        ValueError: `tol` is not a positive number.
    """
    if not (isinstance(tol, int | float) and tol > 0):
        raise ValueError(f"tol has to be a positive number, not {tol!r}")
    report = check_function(f, args, kwargs)
    report.raise_for_findings()
    if report.verdict is not Verdict.NO_DERIVATIVE:
        beyond = [e for e in entries(f, args, kwargs) if not abs(e.analytic - e.numeric) <= tol]
        if beyond:
            worst = max(beyond, key=lambda e: abs(e.analytic - e.numeric))
            raise GradientError(
                f"{report}\n  {len(beyond)} entries differ by more than tol = {tol:g}: "
                f"{worst.input}{list(worst.index)} is {worst.analytic!r}, "
                f"numerically {worst.numeric!r}"
            )
    tensors = _flat(args)
    if backward:
        f(*args, **kwargs).sum().backward()
        return [np.asarray(tensor.grad.numpy()) for tensor in tensors]
    out = f(*args, **kwargs)
    ones = type(out)(np.ones(out.shape, dtype=out.dtype), requires_grad=False)
    if _is_one_operator(out, tensors):
        gradients = out.op.gradient_as_tuple(ones, out)
        return [np.asarray(gradient.numpy()) for gradient in gradients]
    for tensor in tensors:
        tensor.grad = None
    out.backward(ones)
    return [np.asarray(tensor.grad.numpy()) for tensor in tensors]


def _flat(args: Sequence[Any]) -> list[Any]:
    """Return the tensors of the arguments, sequences flattened."""
    flat: list[Any] = []
    for arg in args:
        flat.extend(arg if isinstance(arg, list | tuple) else (arg,))
    return flat


def _is_one_operator(out: Any, tensors: Sequence[Any]) -> bool:
    """Whether the output is one operator applied to exactly these tensors."""
    inputs = list(getattr(out, "inputs", ()))
    same = len(inputs) == len(tensors) and all(a is b for a, b in zip(inputs, tensors, strict=True))
    return same and getattr(out, "op", None) is not None
