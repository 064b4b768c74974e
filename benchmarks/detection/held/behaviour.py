"""What a vjp does beside its values: caches, arguments, layouts, linearity, form."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import softmax, softmax_vjp, values


@right("a residual that the forward function leaves, as long as it belongs to the same inputs")
def residual_checked(rng):
    kept = {}

    def f(x):
        kept[x.tobytes()] = np.exp(x)
        return kept[x.tobytes()].copy()

    def vjp(v, x):
        return (v * (kept[x.tobytes()] if x.tobytes() in kept else np.exp(x)),)

    return (lambda x: np.exp(x) if x.dtype == object else f(x)), vjp, [rng.normal(size=5)]


@right("computes in place on a copy")
def in_place_on_copy(rng):
    def vjp(v, x):
        gradient = v.copy()
        gradient *= np.cos(x)
        return (gradient,)

    return np.sin, vjp, [rng.normal(size=(3, 4))]


@right("returns the cotangent itself")
def returns_cotangent(rng):
    return lambda x: x + 1, lambda v, x: (v,), [rng.normal(size=(3, 4))]


@right("returns a view of the cotangent")
def returns_view(rng):
    return lambda x: x.T, lambda v, x: (v.T,), [rng.normal(size=(3, 4))]


@right("the vjp is a constant times the cotangent")
def affine(rng):
    return lambda x: 3 * x - 7, lambda v, x: (3 * v,), [rng.normal(size=6)]


@wrong("the first call's residual is used for ever")
def residual_first(rng):
    kept = []

    def vjp(v, x):
        if not kept:
            kept.append(np.cos(x))
        return (v * kept[0],)

    return np.sin, vjp, [rng.normal(size=5)]


@wrong("the forward function's first residual is used for ever")
def forward_residual_first(rng):
    kept = []

    def f(x):
        y = np.exp(x)
        if not kept and x.dtype != object:
            kept.append(y)
        return y.copy()

    def vjp(v, x):
        return (v * (kept[0] if kept else np.exp(x)),)

    return f, vjp, [rng.normal(size=5)]


@wrong("gradients are accumulated over calls")
def accumulated(rng):
    buffer = []

    def vjp(v, x):
        buffer.append(v * np.cos(x))
        return (sum(buffer),)

    return np.sin, vjp, [rng.normal(size=5)]


@wrong("the cotangent is changed in place")
def cotangent_in_place(rng):
    def vjp(v, x):
        v *= np.cos(x)
        return (v,)

    return np.sin, vjp, [rng.normal(size=5)]


@wrong("an input is changed in place")
def input_in_place(rng):
    def vjp(v, x):
        np.cos(x, out=x)
        return (v * x,)

    return np.sin, vjp, [rng.normal(size=5)]


@wrong("an input is sorted in place")
def input_sorted(rng):
    def vjp(v, x):
        order = np.argsort(x)
        gradient = np.zeros_like(x)
        gradient[order] = v
        x.sort()
        return (gradient,)

    return lambda x: np.sort(x), vjp, [rng.normal(size=6)]


@wrong("a tiny entry of an input is changed in place")
def input_clamped(rng):
    def vjp(v, x):
        np.maximum(x, 1e-3, out=x)
        return (v * 2 * x,)

    return lambda x: x * x, vjp, [values(1e-5, 1, 2)]


@wrong("the cotangent is ignored")
def cotangent_ignored(rng):
    return np.sin, lambda v, x: (np.cos(x),), [rng.normal(size=5)]


@wrong("the cotangent's mean")
def cotangent_mean(rng):
    return np.sin, lambda v, x: (v.mean() * np.cos(x),), [rng.normal(size=5)]


@wrong("the cotangent is normalised")
def cotangent_normalised(rng):
    return np.sin, lambda v, x: (v / np.sqrt((v * v).sum()) * np.cos(x),), [rng.normal(size=5)]


@wrong("1e-4 is added to the gradient")
def constant_added(rng):
    return np.sin, lambda v, x: (v * np.cos(x) + 1e-4,), [rng.normal(size=5)]


@wrong("a flattened gradient")
def flattened(rng):
    return np.sin, lambda v, x: ((v * np.cos(x)).ravel(),), [rng.normal(size=(2, 3))]


@wrong("a 0-d gradient comes back with an axis")
def unsqueezed(rng):
    return np.exp, lambda v, x: (np.array([v * np.exp(x)]),), [np.array(0.5)]


@wrong("zeros")
def all_zero(rng):
    return softmax, lambda v, x: (0 * softmax_vjp(v, x)[0],), [rng.normal(size=(2, 3))]


@wrong("an uninitialised column")
def uninitialised(rng):
    def vjp(v, x):
        gradient = np.full_like(x, 1e-3)
        gradient[:, :-1] = (v * np.cos(x))[:, :-1]
        return (gradient,)

    return np.sin, vjp, [rng.normal(size=(3, 4))]


@wrong("the gradient is rounded to three digits")
def rounded_gradient(rng):
    return lambda x: x * x, lambda v, x: (np.round(v * 2 * x, 3),), [rng.normal(size=5)]


@wrong("two outputs' cotangents are swapped")
def outputs_swapped(rng):
    return (
        lambda x: (np.sin(x), np.exp(x)),
        lambda v, x: (v[1] * np.cos(x) + v[0] * np.exp(x),),
        [rng.normal(size=4)],
    )
