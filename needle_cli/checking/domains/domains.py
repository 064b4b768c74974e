"""Domains of inputs: each gives a generator, a membership test, edges, room to step, a tangent."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from needle_cli.checking.claims import Domain, InputClaim
from needle_cli.checking.model import Array, GeneratorError
from needle_cli.checking.numerics.steps import REACH

Generator = np.random.Generator

MATRIX = frozenset({"spd", "symmetric", "triangular"})
"""Domains that constrain the last two axes together."""

SCALABLE = frozenset({"real", "positive", "nonnegative", "nonzero", "symmetric", "distinct"})
"""Domains that a positive factor does not leave."""

LIMITS = {
    "real": (-math.inf, math.inf),
    "positive": (0.0, math.inf),
    "nonnegative": (0.0, math.inf),
    "nonzero": (-math.inf, math.inf),
    "distinct": (-math.inf, math.inf),
    "simplex": (0.0, 1.0),
}

_SLACK = 64.0
"""Roundings that a constructed matrix or row of a simplex may be off by."""


def limits(domain: Domain) -> tuple[float, float]:
    """Return the lower and upper end of a domain of numbers, infinite where there is none."""
    low, high = LIMITS.get(domain.name, (-math.inf, math.inf))
    if domain.name in ("interval", "integer"):
        low = low if domain.low is None else domain.low
        high = high if domain.high is None else domain.high
    return float(low), float(high)


def family(claim: InputClaim) -> str:
    """Return "float", "int" or "bool": the kind of numbers that an input holds."""
    return {"index": "int", "bool": "bool"}.get(claim.domain.name, claim.dtype)


def inside(domain: Domain, array: Array) -> Array:
    """Tell for every entry whether it is in a domain of numbers."""
    low, high = limits(domain)
    mask = np.isfinite(array)
    name = domain.name
    open_low = domain.open_low or name in ("positive", "simplex")
    mask &= (array > low) if open_low else (array >= low)
    mask &= (array < high) if domain.open_high else (array <= high)
    if name == "nonzero":
        mask &= array != 0
    if name == "integer":
        mask &= array == np.round(array)
    result: Array = mask
    return result


def contains(domain: Domain, array: Array, size: int | None = None) -> bool:
    """Tell whether an array is in a domain.

    `size` is the length of the axis that a domain "index" points into.
    """
    if array.size == 0:
        return True
    if domain.name == "bool":
        return array.dtype.kind == "b"
    if domain.name == "index":
        return array.dtype.kind in "iu" and _is_index(domain, array, size)
    if not bool(np.all(inside(domain, array))):
        return False
    test = _WHOLE.get(domain.name)
    return test is None or test(domain, array)


def _is_index(domain: Domain, array: Array, size: int | None) -> bool:
    """Tell whether integers are positions of an axis, repeated as the domain says."""
    high = math.inf if size is None else size
    if int(array.min()) < 0 or int(array.max()) >= high:
        return False
    repeated = np.unique(array).size < array.size
    if domain.duplicates == "forbid":
        return not repeated
    return domain.duplicates != "force" or repeated or array.size < 2


def _slack(array: Array) -> float:
    """Return how far rounding may take a constructed array from its constraint."""
    eps = float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else 0.0
    largest = float(np.max(np.abs(array)))
    return _SLACK * eps * max(largest, 1.0) * int(array.shape[-1])


def _is_symmetric(domain: Domain, array: Array) -> bool:
    """Tell whether the last two axes are symmetric, exactly."""
    return array.shape[-1] == array.shape[-2] and np.array_equal(array, array.swapaxes(-1, -2))


def _is_spd(domain: Domain, array: Array) -> bool:
    """Tell whether matrices are symmetric with eigenvalues within the bounds."""
    if not _is_symmetric(domain, array):
        return False
    eigenvalues = np.linalg.eigvalsh(array.astype(np.float64))
    slack = _slack(array)
    low, high = float(eigenvalues.min()), float(eigenvalues.max())
    return low >= domain.min_eig - slack and high <= domain.max_eig + slack


def _is_triangular(domain: Domain, array: Array) -> bool:
    """Tell whether matrices are triangular with a diagonal free of zeros."""
    if array.shape[-1] != array.shape[-2]:
        return False
    kept = np.tril(array) if domain.lower else np.triu(array)
    return np.array_equal(kept, array) and bool(np.all(np.diagonal(array, 0, -2, -1) != 0))


def _is_simplex(domain: Domain, array: Array) -> bool:
    """Tell whether rows sum to one within rounding."""
    off = np.abs(array.astype(np.float64).sum(axis=axis_of(domain)) - 1.0)
    return bool(np.all(off <= _slack(array)))


def _is_distinct(domain: Domain, array: Array) -> bool:
    """Tell whether all entries differ."""
    return np.unique(array).size == array.size


_WHOLE: dict[str, Callable[[Domain, Array], bool]] = {
    "symmetric": _is_symmetric,
    "spd": _is_spd,
    "triangular": _is_triangular,
    "simplex": _is_simplex,
    "distinct": _is_distinct,
}


def axis_of(domain: Domain) -> int:
    """Return the axis of a simplex: the last one unless the spec names one that is not 0."""
    return domain.axis if domain.axis else -1


def draw(domain: Domain, rng: Generator, shape: tuple[int, ...], size: int | None = None) -> Array:
    """Draw generic float64 numbers (or integers, or bools) of a domain.

    Margins to open and closed ends are wide enough for the largest step.
    """
    maker = _DRAW.get(domain.name)
    if maker is not None:
        return maker(domain, rng, shape)
    if domain.name == "bool":
        return _mixed(rng.random(shape) < 0.5, rng)
    if domain.name == "index":
        return _indices(domain, rng, shape, size)
    if domain.name == "hook" and domain.hook is not None:
        return np.asarray(domain.hook(rng, shape, np.dtype(np.float64)))
    raise GeneratorError(f"domain {domain.name!r} is not known")


def _mixed(mask: Array, rng: Generator) -> Array:
    """Return a mask in which both answers occur, where there is room for both."""
    if mask.size > 1 and mask.all() == mask.any():
        mask.flat[int(rng.integers(mask.size))] ^= True
    return mask


def _real(domain: Domain, rng: Generator, shape: tuple[int, ...]) -> Array:
    """Draw bell-shaped numbers of both signs within 2.5, distinct with probability one."""
    return np.asarray(2.5 * np.tanh(rng.standard_normal(shape) / 1.5))


def _positive(domain: Domain, rng: Generator, shape: tuple[int, ...]) -> Array:
    """Draw numbers from a quarter to three, evenly in their logarithm."""
    return np.asarray(np.exp(rng.uniform(math.log(0.25), math.log(3.0), shape)))


def _nonzero(domain: Domain, rng: Generator, shape: tuple[int, ...]) -> Array:
    """Draw numbers of both signs away from zero."""
    return np.asarray(_positive(domain, rng, shape) * rng.choice((-1.0, 1.0), shape))


def _interval(domain: Domain, rng: Generator, shape: tuple[int, ...]) -> Array:
    """Draw numbers between two ends, a step away from both."""
    low, high = limits(domain)
    if math.isinf(low) and math.isinf(high):
        return _real(domain, rng, shape)
    if math.isinf(high):
        return low + (1.0 + abs(low)) * _positive(domain, rng, shape)
    if math.isinf(low):
        return high - (1.0 + abs(high)) * _positive(domain, rng, shape)
    margin = edge_margin(domain)
    return np.asarray(rng.uniform(low + margin, high - margin, shape))


def edge_margin(domain: Domain) -> float:
    """Return how far from the ends of an interval the largest step needs an entry to be."""
    low, high = limits(domain)
    return min(1.25 * REACH * max(abs(low), abs(high)), 0.25 * (high - low))


def _integer(domain: Domain, rng: Generator, shape: tuple[int, ...]) -> Array:
    """Draw whole numbers; from -3 to 3 where the domain has no ends."""
    low, high = limits(domain)
    if math.isinf(low) and math.isinf(high):
        low, high = -3.0, 3.0
    elif math.isinf(low):
        low = high - 6
    elif math.isinf(high):
        high = low + 6
    return rng.integers(math.ceil(low), math.floor(high) + 1, shape).astype(np.float64)


def _simplex(domain: Domain, rng: Generator, shape: tuple[int, ...]) -> Array:
    """Draw rows of positive numbers that sum to one."""
    weights = rng.uniform(0.3, 1.7, shape)
    return np.asarray(weights / weights.sum(axis=axis_of(domain), keepdims=True))


def _spd(domain: Domain, rng: Generator, shape: tuple[int, ...]) -> Array:
    """Draw symmetric matrices with random eigenvectors and eigenvalues inside the bounds."""
    if 0 in shape:
        return np.zeros(shape)
    rotation, _ = np.linalg.qr(rng.standard_normal(shape))
    margin = 0.1 * (domain.max_eig - domain.min_eig)
    spectrum = rng.uniform(domain.min_eig + margin, domain.max_eig - margin, shape[:-1])
    product = (rotation * spectrum[..., None, :]) @ rotation.swapaxes(-1, -2)
    return np.asarray((product + product.swapaxes(-1, -2)) / 2)


def _symmetric(domain: Domain, rng: Generator, shape: tuple[int, ...]) -> Array:
    """Draw symmetric matrices."""
    lower = np.tril(_real(domain, rng, shape))
    return np.asarray(lower + np.tril(lower, -1).swapaxes(-1, -2))


def _triangular(domain: Domain, rng: Generator, shape: tuple[int, ...]) -> Array:
    """Draw triangular matrices whose diagonal is well away from zero."""
    square = _real(domain, rng, shape)
    count = shape[-1]
    diagonal = np.arange(count)
    square[..., diagonal, diagonal] = _nonzero(domain, rng, shape[:-1]) + 0.0
    corner = square[..., diagonal, diagonal]
    square[..., diagonal, diagonal] = corner + np.sign(corner) * 0.5
    return np.asarray(np.tril(square) if domain.lower else np.triu(square))


def _distinct(domain: Domain, rng: Generator, shape: tuple[int, ...]) -> Array:
    """Draw numbers that no two steps can make equal, as far as there is room."""
    return spaced(_real(domain, rng, shape), rng, None)


def _indices(domain: Domain, rng: Generator, shape: tuple[int, ...], size: int | None) -> Array:
    """Draw positions of an axis of length `size`."""
    count = math.prod(shape)
    if size is None:
        raise GeneratorError(
            f"index domain into {domain.into!r}: the axis it points into is unknown"
        )
    if size == 0 and count:
        raise GeneratorError(f"index domain: no position of {domain.into!r} exists (length 0)")
    if domain.duplicates == "forbid":
        if count > size:
            raise GeneratorError(f"index domain: {count} distinct positions of {size} do not exist")
        return rng.permutation(size)[:count].reshape(shape).astype(np.intp)
    found = rng.integers(0, max(size, 1), shape).astype(np.intp)
    if domain.duplicates == "force" and count > 1:
        first, second = rng.permutation(count)[:2]
        found.flat[first] = found.flat[second]
    return found


_DRAW: dict[str, Callable[[Domain, Generator, tuple[int, ...]], Array]] = {
    "real": _real,
    "positive": _positive,
    "nonnegative": _positive,
    "nonzero": _nonzero,
    "interval": _interval,
    "integer": _integer,
    "distinct": _distinct,
    "simplex": _simplex,
    "spd": _spd,
    "symmetric": _symmetric,
    "triangular": _triangular,
}


def spaced(array: Array, rng: Generator, axis: int | None) -> Array:
    """Spread entries out so that no step brings two together, keeping their order and range.

    Whole array, or along one axis. Where there are too many entries for the gap that the largest
    step needs, they are as far apart as they can be.
    """
    if array.size < 2:
        return array
    if axis is not None and array.ndim:
        moved = np.moveaxis(array, axis, -1)
        rows = moved.reshape(-1, moved.shape[-1])
        done = np.stack([spaced(row, rng, None) for row in rows]).reshape(moved.shape)
        return np.moveaxis(done, -1, axis)
    flat = array.reshape(-1)
    order = np.argsort(flat, kind="stable")
    ranked = flat[order]
    needed = 2.2 * REACH * rms(flat)
    if float(np.min(np.diff(ranked))) < needed:
        low, high = float(ranked[0]), float(ranked[-1])
        width = max(high - low, 2.0 * max(abs(low), abs(high), 1e-300) * 1e-2)
        grid = low + width * np.arange(flat.size) / (flat.size - 1)
        room = max(0.0, 1.0 - needed * (flat.size - 1) / width) / 2
        grid[1:-1] += min(room, 0.2) * rng.uniform(-1, 1, flat.size - 2) * width / (flat.size - 1)
        ranked = grid
    result = np.empty_like(flat)
    result[order] = ranked
    return result.reshape(array.shape)


def rms(array: Array) -> float:
    """Return the root mean square of an array, 1 for an empty one."""
    if array.size == 0:
        return 1.0
    largest = float(np.max(np.abs(array)))
    if largest == 0.0:
        return 0.0
    return largest * float(np.sqrt(np.mean((array / largest) ** 2)))


def edges(domain: Domain) -> tuple[float, ...]:
    """Return the finite ends of a domain of numbers; closed ones can be judged one-sidedly."""
    if domain.name not in ("positive", "nonnegative", "interval"):
        return ()
    return tuple(end for end in limits(domain) if math.isfinite(end))


def room(domain: Domain, array: Array, direction: Array) -> float:
    """Return how far one may go from `array` along `direction` without leaving the domain.

    Infinite for domains without ends; a lower bound for matrices.
    """
    if domain.name == "nonzero":
        toward = np.where(array * direction < 0, np.abs(direction), 0.0)
        return _ratio(np.abs(array), toward)
    if domain.name == "spd":
        norm = float(np.max(np.sqrt(np.sum(direction**2, axis=(-1, -2))), initial=0.0))
        values = np.linalg.eigvalsh(array.astype(np.float64)) if array.size else np.ones(1)
        return float(values.min()) / norm if norm else math.inf
    low, high = limits(domain)
    down = _ratio(array - low, np.maximum(-direction, 0.0))
    return min(down, _ratio(high - array, np.maximum(direction, 0.0)))


def _ratio(distance: Array, speed: Array) -> float:
    """Return the smallest distance divided by its speed."""
    moving = speed > 0
    if not np.any(moving):
        return math.inf
    return float(np.min(np.broadcast_to(distance, speed.shape)[moving] / speed[moving]))


def tangent(domain: Domain) -> Callable[[Array], Array]:
    """Return the projection of a direction onto what a step may do inside the domain."""
    if domain.name in ("spd", "symmetric"):
        return lambda d: (d + d.swapaxes(-1, -2)) / 2
    if domain.name == "triangular":
        return np.tril if domain.lower else np.triu
    if domain.name == "simplex":
        axis = axis_of(domain)
        return lambda d: d - d.mean(axis=axis, keepdims=True) if d.size else d
    projected = getattr(domain.hook, "tangent", None)
    return projected if callable(projected) else _unchanged


def movable(domain: Domain, array: Array) -> Array:
    """Tell which entries a step inside the domain can move: not the zeros of a triangle."""
    return np.asarray(tangent(domain)(np.ones(array.shape)) != 0)


def brought_back(domain: Domain, before: Array, after: Array) -> Array:
    """Return `after` as a member of its domain, made so as `before` was; `before` if it is none.

    The upper half of a symmetric matrix follows the lower one, the zeros of a triangle stay, and a
    diagonal that has to be free of zeros keeps its numbers.
    """
    if domain.name not in MATRIX or before.size == 0:
        return after
    kept = np.where(movable(domain, before), after, before)
    if domain.name in ("spd", "symmetric"):
        kept = np.tril(kept) + np.tril(kept, -1).swapaxes(-1, -2)
    diagonal = np.broadcast_to(np.eye(kept.shape[-1], dtype=bool), kept.shape)
    if domain.name == "spd":
        kept = np.where(diagonal, before, kept)
    elif domain.name == "triangular":
        kept = np.where(diagonal & (kept == 0), before, kept)
    return kept if contains(domain, kept) else before


def _unchanged(direction: Array) -> Array:
    """Return a direction as it is: an open domain allows every one."""
    return direction
