"""Wrong operators in the engine's own clothes, and the check that has to refuse each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import needle
from needle import ops
from needle.autograd import Tensor, TensorOp
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.specs import load_spec
from tests.helpers import SPECS


@dataclass(frozen=True)
class Plant:
    """A wrong function, the spec it pretends to, and the checks one of which must refuse it."""

    name: str
    spec: str
    function: Callable
    refused_by: tuple[str, ...]

    def judged(self):
        """Return the operator under test and the claims."""
        claims = load_spec(SPECS / f"{self.spec}.toml").claims
        return operator_under_test(self.function, claims, name=self.spec), claims


def operator(compute, gradient, **fields):
    """Return the function of a one-off operator class."""

    def call(*inputs, **params):
        kind = type("Planted", (TensorOp,), {"compute": compute, "gradient": gradient, **fields})
        op = kind()
        op.__dict__.update(params)
        return op(*inputs)

    return call


def tanh(self, a):
    return np.tanh(a)


def right_tanh(out_grad, node):
    return out_grad * (1 - ops.tanh(node.inputs[0]) ** 2)


def planted_tanh(gradient, compute=tanh):
    return operator(compute, gradient)


def _mutates_input(self, out_grad, node):
    result = right_tanh(out_grad, node)
    node.inputs[0].realize_cached_data()[...] *= 2
    return result


def _mutates_cotangent(self, out_grad, node):
    out_grad.realize_cached_data()[...] *= 2
    return right_tanh(out_grad, node)


def _mutates_output(self, out_grad, node):
    result = right_tanh(out_grad, node)
    node.realize_cached_data()[...] = 0
    return result


def _constant(array, like):
    return Tensor(np.asarray(array, dtype=like.dtype), requires_grad=False)


def _cut(self, out_grad, node):
    x = node.inputs[0].numpy()
    return _constant(out_grad.numpy() * (1 - np.tanh(x) ** 2), out_grad)


def _raw(self, out_grad, node):
    return right_tanh(out_grad, node).numpy()


class _Stale:
    """Keeps the first output of every shape, or the latest output of all."""

    def __init__(self, first):
        self.first, self.seen = first, {}

    def compute(self):
        def compute(op, a):
            key = a.shape if self.first else ()
            if key not in self.seen or not self.first:
                self.seen[key] = np.tanh(a)
            return np.tanh(a)

        return compute

    def gradient(self):
        def gradient(op, out_grad, node):
            key = node.inputs[0].shape if self.first else ()
            return out_grad * (1 - Tensor(self.seen[key].astype(out_grad.dtype)) ** 2)

        return gradient


def _half(dtype):
    def gradient(self, out_grad, node):
        if out_grad.dtype != np.dtype(dtype):
            return right_tanh(out_grad, node)
        x = node.inputs[0].numpy().astype("float16")
        return _constant(out_grad.numpy().astype("float16") * (1 - np.tanh(x) ** 2), out_grad)

    return gradient


def _at(condition, factor):
    def gradient(self, out_grad, node):
        x = node.inputs[0].numpy()
        return right_tanh(out_grad, node) * _constant(np.where(condition(x), factor, 1.0), out_grad)

    return gradient


def _noisy():
    source = np.random.default_rng(1)

    def gradient(self, out_grad, node):
        return right_tanh(out_grad, node) * (1 + 1e-12 * float(source.normal()))

    return gradient


def _only_lazy(self, a):
    return np.tanh(a) * (1 + 1e-15 * needle.autograd.is_lazy())


def _by_memory(self, out_grad, node):
    x = node.inputs[0].realize_cached_data()
    in_memory_order = x.ravel(order="K").reshape(x.shape)
    return right_tanh(out_grad, node) * _constant(
        (1 - np.tanh(in_memory_order) ** 2) / (1 - np.tanh(x) ** 2), out_grad
    )


def multiply(self, a, b):
    return a * b


def summation(a, axes=None, keepdims=False):
    def compute(self, x):
        return x.sum(axis=axes, keepdims=keepdims)

    def gradient(self, out_grad, node):  # right but for a negative axis
        shape = list(node.inputs[0].shape)
        for axis in range(len(shape)) if axes is None else np.atleast_1d(np.array(axes, int)):
            shape[max(int(axis), 0)] = 1
        spread = ops.reshape(out_grad, tuple(shape))
        return ops.broadcast_to(spread, node.inputs[0].shape)

    return operator(compute, gradient)(a)


def getitem(a, index):
    def compute(self, x):
        return x[index]

    def gradient(self, out_grad, node):
        result = np.zeros(node.inputs[0].shape, dtype=out_grad.dtype)
        result[index] = out_grad.numpy()  # overwrites where it has to add up
        return _constant(result, out_grad)

    return operator(compute, gradient)(a)


def unit_off(a):
    """Negation whose gradient is one unit in the last place off."""

    def gradient(self, out_grad, node):
        return -out_grad * (1 + 4 * float(np.finfo(out_grad.dtype).eps))

    return operator(lambda self, x: -x, gradient)(a)


def naive_logsumexp(a, axes=None, keepdims=False):
    e = ops.exp(a)
    return ops.log(ops.summation(e, axes, keepdims=keepdims))


def keeps_the_wider_dtype(a, b):
    """Multiplication whose gradients come in the output's dtype, whatever the input's."""

    def gradient(self, out_grad, node):
        x, y = (_constant(v.numpy(), out_grad) for v in node.inputs)
        return _to(out_grad * y, x), _to(out_grad * x, y)

    return operator(multiply, gradient)(a, b)


def forgets_one_of_two(a, b):
    def gradient(self, out_grad, node):
        x, y = node.inputs
        both = (ops.broadcast_to(out_grad * y, out_grad.shape), out_grad * x)
        if x is y:
            return both[0], _constant(np.zeros(y.shape), out_grad)
        return tuple(_to(g, v) for g, v in zip(both, (x, y), strict=True))

    return operator(multiply, gradient)(a, b)


def _to(value, like):
    extra = tuple(range(len(value.shape) - len(like.shape)))
    value = ops.summation(value, extra) if extra else value
    thin = tuple(
        i for i, (m, n) in enumerate(zip(value.shape, like.shape, strict=True)) if n == 1 != m
    )
    return ops.summation(value, thin, keepdims=True) if thin else value


def _any(gradient):
    return operator(multiply, gradient)


def plants() -> list[Plant]:
    """Return the plants; made anew each time, since some keep a state."""
    first, latest = _Stale(True), _Stale(False)
    tan = "trigonometric/tanh"
    mul = "arithmetic/multiply"

    def scaled(factor):
        return planted_tanh(lambda self, g, n: right_tanh(g, n) * factor)

    return [
        Plant("0.1 % off", tan, scaled(1.001), ("gradient",)),
        Plant("1e-6 off", tan, scaled(1 + 1e-6), ("gradient",)),
        Plant("minus", tan, scaled(-1.0), ("gradient",)),
        Plant("zeros", tan, scaled(0.0), ("gradient",)),
        Plant(
            "cotangent ignored",
            tan,
            planted_tanh(lambda s, g, n: right_tanh(g * 0 + 1, n)),
            ("gradient",),
        ),
        Plant(
            "sign of the cotangent",
            tan,
            planted_tanh(
                lambda s, g, n: right_tanh(_constant(np.clip(g.numpy(), -100, 100), g), n)
            ),
            ("linearity",),
        ),
        Plant(
            "float32 cotangent",
            tan,
            planted_tanh(lambda s, g, n: right_tanh(_constant(g.numpy().astype("f4"), g), n)),
            ("linearity", "gradient"),
        ),
        Plant("raw array", tan, planted_tanh(_raw), ("contract",)),
        Plant("None", tan, planted_tanh(lambda s, g, n: None), ("contract",)),
        Plant("a string", tan, planted_tanh(lambda s, g, n: "gradient"), ("contract",)),
        Plant(
            "one too many",
            tan,
            planted_tanh(lambda s, g, n: (right_tanh(g, n), right_tanh(g, n))),
            ("contract",),
        ),
        Plant("raises", tan, planted_tanh(lambda s, g, n: 1 / 0), ("contract",)),
        Plant(
            "wrong shape",
            tan,
            planted_tanh(lambda s, g, n: ops.reshape(right_tanh(g, n), (-1,))),
            ("contract",),
        ),
        Plant("graph cut", tan, planted_tanh(_cut), ("second_order",)),
        Plant("mutates the input", tan, planted_tanh(_mutates_input), ("purity",)),
        Plant("mutates the cotangent", tan, planted_tanh(_mutates_cotangent), ("purity",)),
        Plant("mutates the output", tan, planted_tanh(_mutates_output), ("purity",)),
        Plant(
            "first call's state",
            tan,
            planted_tanh(first.gradient(), first.compute()),
            ("purity", "gradient", "linearity"),
        ),
        Plant(
            "latest call's state",
            tan,
            planted_tanh(latest.gradient(), latest.compute()),
            ("purity",),
        ),
        Plant("noise", tan, planted_tanh(_noisy()), ("purity",)),
        Plant("float16 inside float32", tan, planted_tanh(_half("float32")), ("precision",)),
        Plant("wrong for x < -1", tan, planted_tanh(_at(lambda x: x < -1, 0.9)), ("gradient",)),
        Plant("wrong at 0", tan, planted_tanh(_at(lambda x: x == 0, 0.9)), ("gradient",)),
        Plant("NaN at 0", tan, planted_tanh(_at(lambda x: x == 0, np.nan)), ("gradient",)),
        Plant(
            "wrong far out",
            tan,
            planted_tanh(_at(lambda x: np.abs(x) > 1e4, np.nan)),
            ("extremes",),
        ),
        Plant("memory order", tan, planted_tanh(_by_memory), ("purity", "gradient")),
        Plant(
            "another value",
            tan,
            planted_tanh(lambda s, g, n: right_tanh(g, n) * 2, lambda s, a: 2 * np.tanh(a)),
            ("forward",),
        ),
        Plant(
            "another dtype",
            tan,
            planted_tanh(lambda s, g, n: right_tanh(g, n), lambda s, a: np.tanh(a).astype("f4")),
            ("forward",),
        ),
        Plant(
            "another value when lazy",
            tan,
            planted_tanh(lambda s, g, n: right_tanh(g, n), _only_lazy),
            ("forward",),
        ),
        Plant(
            "compute raises", tan, planted_tanh(lambda s, g, n: g, lambda s, a: 1 / 0), ("forward",)
        ),
        Plant(
            "no sum over broadcast axes",
            mul,
            _any(lambda s, g, n: (g * n.inputs[1], g * n.inputs[0])),
            ("contract",),
        ),
        Plant(
            "swapped",
            mul,
            _any(
                lambda s, g, n: (
                    _to(g * n.inputs[0], n.inputs[0]),
                    _to(g * n.inputs[1], n.inputs[1]),
                )
            ),
            ("gradient", "contract"),
        ),
        Plant("wider dtype", mul, keeps_the_wider_dtype, ("precision",)),
        Plant("f(x, x) loses one", mul, forgets_one_of_two, ("graph",)),
        Plant("negative axes", "reduction/summation", summation, ("gradient", "contract")),
        Plant("duplicates overwritten", "indexing/getitem", getitem, ("gradient",)),
        Plant("one ulp off", "arithmetic/negate", unit_off, ("exact",)),
        Plant("overflows", "reduction/logsumexp", naive_logsumexp, ("extremes",)),
        Plant(
            "error not raised",
            "shape/reshape",
            lambda a, shape: ops.reshape(
                a,
                a.shape
                if np.prod(a.shape) != np.prod([n for n in shape if n != -1] or [1])
                and -1 not in shape
                else shape,
            ),
            ("forward",),
        ),
    ]
