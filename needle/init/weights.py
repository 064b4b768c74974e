"""Initial weights whose variance keeps the scale of signals through a layer.

Xavier: Glorot and Bengio, 2010, equations 12 and 16. Kaiming: He et al., 2015, equation 10.
"""

import math
from typing import Any

from needle.errors import complaint
from needle.init.basic import rand, randn

__all__ = ["kaiming_normal", "kaiming_uniform", "xavier_normal", "xavier_uniform"]
from needle.tensor import Tensor


def xavier_uniform(fan_in: int, fan_out: int, gain: float = 1.0, **kwargs: Any) -> Tensor:
    """Return (fan_in, fan_out) uniform in ±a, a = gain sqrt(6 / (fan_in + fan_out))."""
    bound = gain * math.sqrt(6 / (fan_in + fan_out))
    return rand(fan_in, fan_out, low=-bound, high=bound, **kwargs)


def xavier_normal(fan_in: int, fan_out: int, gain: float = 1.0, **kwargs: Any) -> Tensor:
    """Return (fan_in, fan_out) normal with std gain sqrt(2 / (fan_in + fan_out))."""
    return randn(fan_in, fan_out, std=gain * math.sqrt(2 / (fan_in + fan_out)), **kwargs)


def kaiming_uniform(
    fan_in: int,
    fan_out: int,
    shape: tuple[int, ...] | None = None,
    nonlinearity: str = "relu",
    **kwargs: Any,
) -> Tensor:
    """Return `shape`, or (fan_in, fan_out), uniform in ±a, a = sqrt(2) sqrt(3 / fan_in).

    Raises `ValueError` for a nonlinearity other than relu.
    """
    bound = _relu_gain(nonlinearity) * math.sqrt(3 / fan_in)
    return rand(*(shape or (fan_in, fan_out)), low=-bound, high=bound, **kwargs)


def kaiming_normal(
    fan_in: int,
    fan_out: int,
    shape: tuple[int, ...] | None = None,
    nonlinearity: str = "relu",
    **kwargs: Any,
) -> Tensor:
    """Return `shape`, or (fan_in, fan_out), normal with std sqrt(2) / sqrt(fan_in).

    Raises `ValueError` for a nonlinearity other than relu.
    """
    std = _relu_gain(nonlinearity) / math.sqrt(fan_in)
    return randn(*(shape or (fan_in, fan_out)), std=std, **kwargs)


def _relu_gain(nonlinearity: str) -> float:
    if nonlinearity != "relu":
        raise ValueError(complaint("kaiming", "nonlinearity", "'relu'", repr(nonlinearity)))
    return math.sqrt(2)
