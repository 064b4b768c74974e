"""The pages of `needle explain`: what each check asks, why it fails, how to fix it, an example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from needle_cli.causes import CAUSES


@dataclass(frozen=True)
class Explanation:
    """One check in words: a line for lists, and the four parts of `needle explain`."""

    line: str
    asks: str
    fails: str
    fix: str
    example: str


CHECKS: Mapping[str, Explanation] = {
    "forward": Explanation(
        "the value equals the spec's reference, eager and lazy",
        "Does `compute` return the value, shape and dtype of the reference that the spec names? Is "
        "the lazy result the same, bit for bit? Does every [[error]] case raise what it should?",
        "The formula differs from the reference, an axis is counted from the wrong end, a dtype is "
        "promoted (a Python float times a float32 array is fine, a float64 array is not), or bad "
        "input gives a wrong answer instead of an error.",
        "Compare `compute` with the spec's `formula` and `reference`. If the reference is the one "
        "that is wrong, fix the spec.",
        "softplus(a) = log(1 + exp(a)) overflows at a = 1000; the reference logaddexp(0, a) does "
        "not.",
    ),
    "contract": Explanation(
        "one gradient per input, of its shape, dtype and device",
        "Does `gradient` return one gradient per input, each a tensor of the graph with the shape, "
        "dtype and device of that input, finite where the true gradient is, and None exactly for "
        "the inputs that the spec calls not differentiable?",
        "Most often a sum over a broadcast axis is missing: `a` of shape (3,) was broadcast to "
        "(2, 3), and the gradient still has shape (2, 3). Or a bare NumPy array was returned.",
        "Sum the gradient back with `sum_to(gradient, a.shape)`; build gradients from operators, "
        "not from arrays.",
        "multiply: return sum_to(out_grad * b, a.shape), sum_to(out_grad * a, b.shape)",
    ),
    "gradient": Explanation(
        "analytic and numeric directional derivatives agree",
        "Is <v, J u>, from finite differences of `compute`, equal to <J^T v, u>, from `gradient`, "
        "for random output gradients v and random directions u? The allowed error follows from "
        "the measured rounding, never from a fixed tolerance.",
        "The formula of the derivative is wrong: a factor, a sign, a transposition, a forgotten "
        "`out_grad`, the other operand's gradient.",
        "Look at the element table: the ratio of analytic to numeric often shows the mistake. "
        "Check the formula in the spec against `gradient`, term by term.",
        "square: d(a^2) = 2 a da, so gradient returns out_grad * 2 * a. For out_grad * 4 * a the "
        "report says that the gradient is exactly 2 \N{MULTIPLICATION SIGN} the numeric one.",
    ),
    "linearity": Explanation(
        "the gradient is linear in the output gradient",
        "Is vjp(-2v) equal to -2 vjp(v), and vjp(v + w) to vjp(v) + vjp(w)?",
        "The gradient ignores `out_grad`, clips or rounds it, branches on its value, computes in a "
        "narrower dtype, or is not the same from call to call.",
        "`out_grad` may appear only as a factor. Move clipping and casting out of `gradient`.",
        "return clip(out_grad, -1, 1) * exp(a) is right only for |out_grad| < 1.",
    ),
    "second_order": Explanation(
        "the gradient of the gradient agrees as well",
        "Is the gradient of `gradient` right, when `gradient` is taken as a function of the output "
        "gradient and the inputs? An operator whose spec says `order = 1` must raise instead.",
        "`gradient` computes on raw arrays, which cuts the graph, or uses a cached number where it "
        "should use a tensor.",
        "Write `gradient` with operators on tensors: `node.inputs[0]`, not its `cached_data`.",
        "out_grad * Tensor(numpy.cos(a.cached_data)) has the right value and a gradient of zero.",
    ),
    "purity": Explanation(
        "nothing is changed, and the same call gives the same answer",
        "Are inputs, output gradient and cached output unchanged? Is the answer the same when "
        "asked twice, after a call at another point, and for other memory layouts? Are the modules "
        "of others as they were, and was nothing printed?",
        "`compute` or `gradient` works in place, stores a value from an earlier call on `self`, "
        "assumes contiguous memory, or replaces an attribute of NumPy or of the engine.",
        "Copy before writing in place; recompute from `node.inputs`; use no state but parameters.",
        "out_grad *= a changes an array that other operators still have to read.",
    ),
    "graph": Explanation(
        "gradients add up when a value is used several times",
        "Does `backward()` leave k times the gradient in a value used k times, f(x, x) included?",
        "A gradient overwrites another one instead of being added, or depends on which inputs are "
        "the same value.",
        "Return one gradient per input position, also when two positions hold the same value.",
        "y = multiply(x, x) must leave 2 x in x.grad.",
    ),
    "exact": Explanation(
        "linear operators are right to the last bit",
        "For operators that the spec calls linear, multilinear or affine: are differences on small "
        "integers equal to the gradient, with no tolerance at all?",
        "The operator is not what the spec's `structure` claims, or an index is off by one in a "
        "place that a tolerance hides.",
        "Compute the smallest case by hand; every number in it is a small integer.",
        "summation, reshape, matmul, conv, stack, flip, pad.",
    ),
    "kink": Explanation(
        "the answer at points without a derivative is a reasonable one",
        "At the points that the spec's [[kink]] declares, right beside them, and at the closed "
        "ends of domains: does every output's gradient lie between its left and its right slope, "
        "along every direction, and is it the declared convention?",
        "Every entry of a tie gets the whole gradient, or none does; the slope at 0 is that of "
        "neither side; 0 / 0 gives NaN. Or the operator does not follow the spec's convention or "
        "curvature.",
        "Decide which side, or which share of a tie, `gradient` returns, implement that, and "
        "declare it in the spec as `convention`.",
        "The gradient of max([2, 2]) may be [1, 0], [0, 1] or [1/2, 1/2], but not [1, 1]: moving "
        "both entries by h moves the maximum by h, not by 2 h.",
    ),
    "precision": Explanation(
        "float32 and float16 gradients are as accurate as they can be",
        "Does the rounding of the same formula explain how narrow gradients differ from the "
        "float64 one at the same rounded input, and is nothing silently computed in another dtype?",
        "A float64 constant widens the computation, a part of it is in a narrower dtype, or a "
        "threshold or the share of a tie depends on the dtype.",
        "Keep constants as Python numbers and sums in float32 or wider; compare the branches that "
        "depend on the dtype.",
        "p = softmax(a.astype('float16')) in a float32 gradient keeps three digits of seven.",
    ),
    "extremes": Explanation(
        "large and small magnitudes give finite, right gradients",
        "Is the gradient finite and right wherever the true one is finite, for inputs of every "
        "size inside the domain, from 1e-8 to 1e8?",
        "An intermediate result overflows or underflows although the final one does not.",
        "Subtract the maximum before `exp`; branch on the sign; multiply before you divide.",
        "sigmoid(a) = 1 / (1 + exp(-a)) overflows at a = -1000; its gradient is 0, not nan.",
    ),
    "parity": Explanation(
        "another device gives the results of the host",
        "With `--device` other than cpu: are values and gradients on the device those of the host, "
        "bit for bit for small integers, and within rounding for other numbers?",
        "The operator takes another path on the device, relies on an index that NumPy would "
        "reject, writes to one entry several times, or a kernel is wrong for some sizes.",
        "If the host agrees with the numeric gradient, the formula is right: look at what the "
        "device does differently at the smallest case.",
        "a[index] += v adds once per entry on either device; numpy.add.at adds every time.",
    ),
}

FAULTS: Mapping[str, str] = {
    "scaled": "every gradient times 1.001",
    "sign": "every gradient negated",
    "cotangent ignored": "the gradient for an output gradient of ones",
    "second operand without cotangent": "that for all operands but the first",
    "cotangent clipped": "the output gradient clipped to 8",
    "transposed": "square gradients transposed",
    "wrong axis": "the axes of a square output gradient exchanged: a sum along the wrong axis",
    "flipped": "gradients in reversed order",
    "leading axis not summed": "a broadcast leading axis not summed",
    "size-1 axis not summed": "a broadcast axis of length 1 not summed",
    "leading axis kept": "gradients with one more axis of length 1 in front",
    "mean for sum": "gradients divided by the number of entries summed or spread",
    "operands swapped": "two operands' gradients exchanged",
    "overwritten": "only the last of several contributions to an entry",
    "last row dropped": "the last row of every gradient zero",
    "every tie gets all": "tied entries get twice their share",
    "no tie gets any": "tied entries get nothing",
    "convention plus one": "another slope at a declared kink",
    "NaN at a kink": "NaN at a declared kink",
    "NaN at one point": "NaN at the largest entry of every input",
    "one entry": "one entry off by a millionth of its value",
    "negative inputs": "half as much again where an input is negative",
    "large inputs": "a tenth less where an input is beyond 1000",
    "beyond 1000 entries": "zero from the 1000th entry on",
    "order of memory": "entries in another order when inputs are not contiguous",
    "float32 inside": "gradients computed in float32",
    "narrow dtype": "gradients returned in float32",
    "wide dtype": "gradients returned in float64",
    "stale state": "gradients from the first inputs of every shape",
    "not repeatable": "right at every third call, off by a millionth at the others",
    "input changed": "the inputs written to",
    "cotangent changed": "the output gradient written to",
    "output changed": "the cached output written to",
    "bare array": "an array instead of a tensor",
    "None": "None for the last differentiable input",
    "graph cut": "a gradient that has no gradient of its own",
}
"""The faults that `--faults` injects, in words."""


SAMPLES = {
    "whose": "the gradient", "factor": "2", "axes": "0", "where": "the input is negative",
    "device": "cuda",
}  # fmt: skip
"""Values for the placeholders of a cause's sentence on its own page."""


def text_of(name: str) -> str:
    """Return the page of a check or of a cause."""
    if name in CHECKS:
        entry = CHECKS[name]
        title = f"{name}: {entry.line}"
        parts = [
            ("What it asks", entry.asks),
            ("Why it fails", entry.fails),
            ("How to fix it", entry.fix),
            ("Example", entry.example),
        ]
    else:
        cause = CAUSES[name]
        title = f"{name}: a likely cause"
        said = [sentence.format(**SAMPLES) for sentence in cause.says.values()]
        parts = [
            ("The report says", "; ".join(said)),
            ("Why it happens", cause.why),
            ("How to fix it", cause.fix),
            ("Wrong", cause.wrong),
            ("Right", cause.right),
        ]
    body = "\n\n".join(f"{head}\n{_wrapped(text)}" for head, text in parts if text)
    return f"{title}\n\n{body}\n"


def _wrapped(text: str) -> str:
    import textwrap

    return textwrap.fill(text, 88, initial_indent="  ", subsequent_indent="  ")
