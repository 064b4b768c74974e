"""Narrow gradients: what rounding explains is no finding, a narrower float inside is one."""

import numpy as np
import pytest

from needle_cli.checking.checks import precision
from needle_cli.checking.checks.context import Question
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Case, Code

NUMBERS = {Code.ROUNDING, Code.OUTSIDE_SLOPES}


def asked(forward, vjp, inputs, seed=0):
    """Return the answer about the narrow gradients at these inputs."""
    case = Case({f"x{k}": x for k, x in enumerate(inputs)}, seed=seed,
                judged=frozenset(f"x{k}" for k in range(len(inputs))))  # fmt: skip
    question = Question(Pair(forward, vjp), case)
    with np.errstate(all="ignore"):
        return precision.close(question, question.subject, question.wide)


def is_refused(*arguments, **more):
    return bool({f.code for f in asked(*arguments, **more).findings} & NUMBERS)


def softmax(a):
    e = np.exp(a - a.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def mean(a):
    return a.mean(-1, keepdims=True)


def normalised(a, w):
    d = a - mean(a)
    return d / np.sqrt(mean(d * d) + a.dtype.type(1e-5)) * w


def of_normalised(v, a, w):
    d = a - mean(a)
    s = np.sqrt(mean(d * d) + a.dtype.type(1e-5))
    h, g = d / s, v * w
    return (g - mean(g) - h * mean(g * h)) / s, (v * h).sum(0)


def attention(q, k, w):
    return softmax(q @ k.swapaxes(-1, -2) / 2) @ w


def of_attention(v, q, k, w):
    p = softmax(q @ k.swapaxes(-1, -2) / 2)
    dp = v @ w.swapaxes(-1, -2)
    ds = p * (dp - (v * (p @ w)).sum(-1, keepdims=True)) / 2
    return ds @ k, ds.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ v


def distances(a, b):
    """Return squared distances by the dot product, whose terms cancel."""
    return (a * a).sum(-1)[:, None] + (b * b).sum(-1) - 2 * a @ b.T


def of_kernel(v, a, b):
    t = -v * np.exp(-distances(a, b) / 2)
    return t.sum(1)[:, None] * a - t @ b, t.sum(0)[:, None] * b - t.T @ a


def std(a):
    return a.std(-1)


def of_std(v, a):
    return ((v / a.std(-1) / a.shape[-1])[..., None] * (a - mean(a)),)


def of_cold(v, a):
    y = softmax(a / a.dtype.type(0.1))
    return (y * (v - (v * y).sum(-1, keepdims=True)) / a.dtype.type(0.1),)


def of_cumprod(v, a):
    return (np.cumsum((v * np.cumprod(a, -1))[..., ::-1], -1)[..., ::-1] / a,)


RIGHT = {
    "standard deviation of two": (std, of_std, [(3, 2)]),
    "standard deviation": (std, of_std, [(3, 7)]),
    "layer norm of two": (normalised, of_normalised, [(4, 2), (2,)]),
    "layer norm": (normalised, of_normalised, [(3, 6), (6,)]),
    "attention": (attention, of_attention, [(2, 3, 4), (2, 5, 4), (2, 5, 4)]),
    "attention to one key": (attention, of_attention, [(2, 3, 4), (2, 1, 4), (2, 1, 4)]),
    "kernel of distances": (lambda a, b: np.exp(-distances(a, b) / 2), of_kernel, [(3, 2), (4, 2)]),
    "cold softmax": (lambda a: softmax(a / a.dtype.type(0.1)), of_cold, [(3, 4)]),
    "cumulative product": (lambda a: np.cumprod(a, -1), of_cumprod, [(2, 6)]),
    "saturated tanh": (np.tanh, lambda v, a: (v * (1 - np.tanh(a) ** 2),), [(4, 4)]),
}
SIZES = {
    "usual": (1.0, 0.0),
    "far from zero": (0.5, 30.0),
    "small": (1e-2, 0.0),
    "large": (40.0, 0.0),
}


def drawn(name, size, dtype, seed):
    rng = np.random.default_rng([seed, len(name)])
    scale, offset = SIZES[size]
    return [(scale * rng.standard_normal(s) + offset).astype(dtype) for s in RIGHT[name][2]]


def halved(arrays):
    return [a.astype(np.float16).astype(a.dtype) for a in arrays]


def half_inside(vjp):
    """Return the vjp that rounds its cotangent and its results to float16 if given float32."""

    def narrowed(v, *arrays):
        if v.dtype != np.float32:
            return vjp(v, *arrays)
        return tuple(halved(vjp(*halved([v]), *arrays)))

    return narrowed


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", RIGHT)
def test_the_rounding_of_a_sound_formula_is_no_finding(name, size):
    forward, vjp, _ = RIGHT[name]
    for dtype in (np.float32, np.float16):
        for seed in range(3):
            answer = asked(forward, vjp, drawn(name, size, dtype, seed), seed)
            assert not answer.findings, answer.findings


@pytest.mark.parametrize("name", RIGHT)
def test_float16_inside_float32_is_found(name):
    forward, vjp, _ = RIGHT[name]
    for seed in range(3):
        arrays = drawn(name, "usual", np.float32, seed)
        assert is_refused(forward, half_inside(vjp), arrays, seed)


def test_a_small_factor_in_float32_alone_is_found():
    def off(v, a):
        return (of_std(v, a)[0] * (a.dtype.type(1.00002) if a.dtype == np.float32 else 1),)

    assert is_refused(std, off, drawn("standard deviation", "usual", np.float32, 0))


def maximum(a):
    return a.max(-1)


def of_maximum(v, a, share=lambda m: m / m.sum(-1, keepdims=True)):
    return ((v[..., None] * share(a == maximum(a)[..., None])).astype(a.dtype),)


def first(m):
    return m & (np.cumsum(m, -1) == 1)


SHARES = {
    "nothing": lambda m: 0 * m,
    "all to each": lambda m: 1 * m,
    "twice the first": lambda m: 2 * first(m),
}
TIED = [[3.0, 1, 3, 3], [0, 2, 1, 2]]


def in_dtype(dtype, share):
    """Return the vjp of a maximum that shares in another way in one dtype alone."""
    return lambda v, a: of_maximum(v, a, share) if a.dtype == dtype else of_maximum(v, a)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_another_share_at_ties_is_allowed_if_it_lies_within_the_slopes(dtype):
    for seed in range(3):
        assert not is_refused(maximum, in_dtype(dtype, first), [np.array(TIED, dtype)], seed)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_wrong_share_at_ties_in_the_narrow_dtype_alone_is_found(dtype, share):
    for seed in range(3):
        vjp = in_dtype(dtype, SHARES[share])
        assert is_refused(maximum, vjp, [np.array(TIED, dtype)], seed)


def clipped(a):
    return np.clip(a, 0.1, 0.9)


def of_clipped(v, a, slope=1.0):
    low, high = a.dtype.type(0.1), a.dtype.type(0.9)
    inside = np.where((low < a) & (a < high), v, 0)
    on = (a == low) | (a == high)
    return (np.where(on & (a.dtype == np.float32), slope * v, inside).astype(a.dtype),)


def test_a_number_of_the_formula_may_round_onto_an_input():
    x = np.array([0.1, 0.5, 0.9, 1.0], np.float32)
    for slope in (0.0, 0.5, 1.0):
        assert not is_refused(clipped, lambda v, a, s=slope: of_clipped(v, a, s), [x])
    for slope in (-0.5, 2.0):
        assert is_refused(clipped, lambda v, a, s=slope: of_clipped(v, a, s), [x])


def test_an_entry_that_is_off_beside_a_kink_is_found():
    x = np.array([0.1, 0.5, 0.9, 1.0], np.float32)
    assert is_refused(clipped, half_inside(of_clipped), [x])


def root_mean_square(a):
    return a / np.sqrt(mean(a * a))


def of_root_mean_square(v, a):
    r = np.sqrt(mean(a * a))
    h = a / r
    return ((v - h * mean(v * h)) / r,)


@pytest.mark.parametrize("scale", [300.0, 1e-4])
def test_squares_that_leave_the_range_of_float16_are_no_finding(scale):
    x = (scale * np.array([[1.0, 2.0, -1.5], [0.5, 1.0, 0.75]])).astype(np.float16)
    answer = asked(root_mean_square, of_root_mean_square, [x])
    assert not answer.findings and "leave the range" in answer.notes[0]


@pytest.mark.parametrize("scale", [300.0, 1e-4])
def test_a_fault_at_such_numbers_is_still_found(scale):
    def doubled(v, a):
        return (of_root_mean_square(v, a)[0] * (2 if a.dtype == np.float16 else 1),)

    x = (scale * np.array([[1.0, 2.0, -1.5], [0.5, 1.0, 0.75]])).astype(np.float16)
    assert is_refused(root_mean_square, doubled, [x])


def test_a_gradient_that_is_not_finite_in_float16_alone_is_found():
    keep = np.array([True, True, False])

    def masked(low):
        return lambda v, a: of_softmax(np.where(keep, v, 0), np.where(keep, a, a.dtype.type(low)))

    def of_softmax(v, a):
        y = np.exp(a - a.max(-1, keepdims=True)) / np.exp(a - a.max(-1, keepdims=True)).sum(-1)
        return ((y * (v - (v * y).sum(-1, keepdims=True)) + 0 * a).astype(v.dtype),)

    def forward(a):
        y = np.exp(np.where(keep, a, -6e4).astype(a.dtype) - a[:2].max())
        return y / y.sum()

    x = np.array([1.0, 2.0, 3.0], np.float16)
    assert is_refused(forward, masked(-1e30), [x])
    assert not is_refused(forward, masked(-6e4), [x])
