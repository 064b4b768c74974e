"""What an operator of a framework takes: domains, and how inputs of all magnitudes are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

DTYPES = ("float64", "float32", "float16")

DECADES = {"float64": 300, "float32": 36, "float16": 4}
"""Normal numbers of a dtype have magnitudes of about 10 to the power of minus and plus this."""

Domain = Callable[[np.random.Generator, tuple[int, ...], str], Any]
"""Draws float64 numbers of a shape that a dtype can hold."""


@dataclass(frozen=True)
class Operator:
    """One operator of a framework.

    Args:
        call: The operator, a function of the framework's arrays.
        domains: One domain per input.
        shapes: One shape per input.
        ties: Whether equal entries and exact zeros and ones may be asked: False where the
            function has no derivative there, or where they are outside of its domain.
        dtypes: The dtypes that are asked.

    A domain or dtypes that are narrower than the operator's own leave out a fault of docs/found.md.
    """

    call: Callable[..., Any]
    domains: tuple[Domain, ...]
    shapes: tuple[tuple[int, ...], ...]
    ties: bool = True
    dtypes: tuple[str, ...] = DTYPES


def real(share: float = 1.0) -> Domain:
    """Return numbers of both signs; `share` of the decades of a dtype is used."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
        sizes = _sizes(rng, shape, -share * DECADES[dtype], share * DECADES[dtype])
        return sizes * rng.choice([-1.0, 1.0], shape)

    return draw


def positive(share: float = 1.0) -> Domain:
    """Return numbers above zero."""
    draw_real = real(share)
    return lambda rng, shape, dtype: np.abs(draw_real(rng, shape, dtype))


def within(limit: float) -> Domain:
    """Return numbers of both signs, at most `limit` in size, down to the smallest normal one."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
        if rng.random() < 0.5:
            return rng.uniform(-limit, limit, shape)
        sizes = _sizes(rng, shape, -DECADES[dtype], float(np.log10(limit)))
        return np.minimum(sizes, limit) * rng.choice([-1.0, 1.0], shape)

    return draw


def exponents(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    """Return numbers whose exponential the dtype can hold."""
    return within(0.95 * float(np.log(10)) * DECADES[dtype])(rng, shape, dtype)


def between(low: float, high: float) -> Domain:
    """Return numbers from an open interval, some of them close to its ends."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
        closest = {"float64": -8, "float32": -3, "float16": -1.5}[dtype]
        share = np.where(
            rng.random(shape) < 0.3, 10.0 ** rng.uniform(closest, -1, shape), rng.random(shape)
        )
        share = np.clip(share, 10.0**closest, 1 - 10.0**closest)
        share = np.where(rng.random(shape) < 0.5, share, 1 - share)
        return low + (high - low) * share

    return draw


def above(low: float) -> Domain:
    """Return numbers above a bound, from close to it to half the decades of the dtype."""
    beyond = positive(0.4)
    return lambda rng, shape, dtype: (
        low + beyond(rng, shape, dtype) + 10.0 ** -(DECADES[dtype] ** 0.4)
    )


def ordinary(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    """Return normal numbers."""
    return rng.normal(size=shape)


def regular(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    """Return square matrices far from singular, scaled as a whole."""
    scale = 10.0 ** rng.uniform(-0.1, 0.1) ** (DECADES[dtype] // 10)
    return scale * (rng.normal(size=shape) + 3 * np.eye(shape[-1]))


def apart(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    """Return numbers that differ from each other by at least one half of their unit."""
    count = int(np.prod(shape))
    unit = 10.0 ** rng.uniform(-0.3, 0.3)
    return unit * (rng.permutation(count).reshape(shape) - count / 3 + 0.4 * rng.random(shape))


ROW, PLANE = (5,), (3, 4)

WIDE = ("float64", "float32")
"""Without float16, where quotients often are whole numbers exactly: the points of jumps."""

UNIT = between(-1, 1)
PROBABILITY = between(0, 1)


def one(
    call: Callable[..., Any], domain: Domain, shape: tuple[int, ...] = ROW, ties: bool = True
) -> Operator:
    """Return an operator of one input."""
    return Operator(call, (domain,), (shape,), ties)


def two(
    call: Callable[..., Any], a: Domain, b: Domain, *shapes: tuple[int, ...], ties: bool = True
) -> Operator:
    """Return an operator of two inputs, which broadcast unless shapes are given."""
    return Operator(call, (a, b), shapes or (PLANE, (4,)), ties)


def _sizes(rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> Any:
    """Return magnitudes: all alike or each its own, around one or anywhere."""
    way = rng.integers(3)
    if way == 0:
        return np.clip(np.abs(rng.normal(size=shape)) + 1e-3, 10.0**low, 10.0**high)
    if way == 1:
        return np.clip(
            10.0 ** rng.uniform(low, high) * (0.5 + rng.random(shape)), 10.0**low, 10.0**high
        )
    return 10.0 ** rng.uniform(low, high, shape)


def inputs_of(operator: Operator, dtype: str, rng: np.random.Generator) -> list[Any]:
    """Draw the inputs of one case; every fourth has ties, zeros and ones where they may be."""
    drawn = [
        np.asarray(domain(rng, shape, dtype))
        for domain, shape in zip(operator.domains, operator.shapes, strict=True)
    ]
    if operator.ties and rng.random() < 0.25:
        for array in drawn:
            flat = array.reshape(-1)
            for entry in rng.choice(flat.size, flat.size // 2, replace=False):
                flat[entry] = rng.choice([0.0, 1.0, flat[rng.integers(flat.size)]])
    return [array.astype(dtype) for array in drawn]
