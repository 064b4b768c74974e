"""The table of likely causes: name, printed sentences, why it happens, and the usual fix.

The diagnosis picks an entry and one of its forms, reports print the sentence, and known failures
compare names. No code parses a printed sentence. This file imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Page:
    """One cause in words: its sentence in every form, why it happens, how to fix it.

    A sentence may contain the placeholder `{whose}` (the gradient, or the gradient of some inputs)
    and one for each value that its form needs. `wrong` and `right` are lines of code.
    """

    says: Mapping[str, str]
    why: str
    fix: str
    wrong: str = ""
    right: str = ""


@dataclass(frozen=True)
class Cause:
    """The likely cause of a finding: an entry of `CAUSES` and one of its forms.

    `inputs` are the inputs whose gradient is meant; empty means all of them. `values` fill the
    placeholders of the form's sentence.
    """

    name: str
    form: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        CAUSES[self.name].says[self.form]  # raises KeyError for an unknown cause

    def __str__(self) -> str:
        """Return the sentence."""
        whose = "the gradient" + (f" of {' and '.join(self.inputs)}" if self.inputs else "")
        return CAUSES[self.name].says[self.form].format(whose=whose, **self.values)

    @property
    def factor(self) -> str:
        """The factor of a ratio. Causes with different factors are different mistakes."""
        return self.values.get("factor", "")


CAUSES: Mapping[str, Page] = {
    "missing sum": Page(
        {"": "missing sum over broadcast axis {axes}"},
        "The operand was broadcast, and its gradient still has the output's shape.",
        "sum the gradient back to its input: sum_to(gradient, a.shape)",
        "return out_grad * b, out_grad * a",
        "return sum_to(out_grad * b, a), sum_to(out_grad * a, b)",
    ),
    "mutation": Page(
        {
            "compute, input": "an array is changed in place: compute writes into its input",
            "gradient, input": "an array is changed in place: gradient writes into an input",
            "input": "an array is changed in place: the call writes into an input",
            "gradient, cotangent": "an array is changed in place: gradient writes into out_grad",
            "gradient, output": "an array is changed in place: gradient writes into the output",
            "output": "an array is changed in place: a later call writes into the output",
        },
        "An operation in place, or an out= argument, writes into an array that others still read.",
        "work on a copy; build the gradient from operators",
        "g = out_grad.realize_cached_data(); g *= 2",
        "return out_grad * 2",
    ),
    "stale state": Page(
        {
            "call": "stale state: an earlier call is remembered",
            "second gradient": "stale state: a second gradient differs from the first",
            "inputs": "{whose} does not follow its inputs: "
            "it is constant, or an earlier call is remembered",
            "not repeatable": "the answer is not repeatable: equal calls give different numbers",
        },
        "A value stored on the operator, the class or the module comes from another call, "
        "or the values of the inputs are not used.",
        "compute from node.inputs; store nothing but parameters",
        "self.y = numpy.exp(a)  # in compute, read in gradient",
        "return out_grad * node",
    ),
    "nan": Page(
        {
            "leak": "NaN leaks from entries that are not used",
            "entries": "{whose} has NaN or infinite entries, and is right elsewhere",
        },
        "0 / 0, 0 times infinity, or a branch that was not taken enters with weight 0.",
        "select a safe number before the operation, not after it",
        "where(a > 0, out_grad / a, 0)",
        "out_grad / where(a > 0, a, 1) * (a > 0)",
    ),
    "zeros": Page(
        {"": "{whose} is zero"},
        "The graph is cut, or a factor is zero everywhere.",
        "use node.inputs, not their data; look for a factor that is zero",
    ),
    "cotangent ignored": Page(
        {"": "the output gradient is ignored in {whose}"},
        "The derivative is returned as it is, which is right only for a cotangent of ones.",
        "multiply by out_grad",
        "return 2 * a",
        "return out_grad * 2 * a",
    ),
    "not linear": Page(
        {
            "": "the gradient is not linear in the output gradient",
            "squared": "{whose} is multiplied by the output gradient",
        },
        "out_grad is clipped, rounded, cast or squared, or a branch depends on it.",
        "out_grad may appear only as a factor",
        "return clip(out_grad, -1, 1) * exp(a)",
        "return out_grad * exp(a)",
    ),
    "ratio": Page(
        {
            "number": "{whose} is exactly {factor} \N{MULTIPLICATION SIGN} the numeric one",
            "size": "{whose} is the numeric one times {factor}",
        },
        "A constant factor, a sign, a parameter or a count (mean for sum) is missing or extra.",
        "compare the factor with the formula: a constant, a sign, a parameter or a count is off",
        "return out_grad * 4 * a  # for a^2",
        "return out_grad * 2 * a",
    ),
    "cotangent returned": Page(
        {"": "the output gradient is returned unchanged as {whose}"},
        "The derivative itself is missing.",
        "multiply by the derivative of the operator",
        "return out_grad",
        "return out_grad * cos(a)  # for sin",
    ),
    "transposed": Page(
        {
            "": "{whose} is transposed",
            "other": "{whose} misses a transposition of another input",
        },
        "A transposition is missing or extra; square shapes hide it.",
        "write down the shapes: da = dy b^T, db = a^T dy",
        "return out_grad @ b, a @ out_grad",
        "return out_grad @ transpose(b), transpose(a) @ out_grad",
    ),
    "wrong axis": Page(
        {"": "{whose} is summed or spread along the wrong axis"},
        "The gradient is broadcast or summed along a different axis than the forward pass uses.",
        "restore the reduced axis with keepdims before broadcasting",
        "return broadcast_to(out_grad, a.shape)",
        "return broadcast_to(reshape(out_grad, kept), a.shape)",
    ),
    "flipped": Page(
        {
            "": "{whose} is in reversed order",
            "running": "{whose} runs along an axis in the other direction",
        },
        "The order of an axis is not reversed: the gradient of a flip, a cumulative sum or a"
        " convolution runs the other way.",
        "run along the axis in the other direction",
        "return cumsum(out_grad)",
        "return flip(cumsum(flip(out_grad)))",
    ),
    "operands swapped": Page(
        {"": "the operands' gradients are swapped"},
        "One operand's gradient is returned in the position of another's.",
        "return the gradients in the order of the inputs",
        "return out_grad * a, out_grad * b  # for a * b",
        "return out_grad * b, out_grad * a",
    ),
    "duplicates": Page(
        {"": "contributions to one entry overwrite each other"},
        "An entry that is used several times gets one contribution instead of the sum of all.",
        "accumulate: numpy.add.at, or a sum over all uses",
        "g[index] = out_grad",
        "numpy.add.at(g, index, out_grad)",
    ),
    "times input": Page(
        {
            "own": "{whose} is multiplied by the input, or by a power of it",
            "other": "{whose} is multiplied by another input",
        },
        "The formula has the input where it should have its reciprocal, another operand or"
        " nothing.",
        "derive the formula again: which operand is the factor?",
        "return out_grad * a  # for log a",
        "return out_grad / a",
    ),
    "only where": Page(
        {
            "": "{whose} is wrong only where {where}",
            "value": "the value is wrong only where {where}",
            "second order": "right in first order; "
            "in second order wrong only where some of the inputs are",
        },
        "The formula for one branch, one end of an axis or one kind of input is wrong.",
        "look at the branch that is taken in this region",
        "return out_grad * sign(a)  # for a leaky slope below 0",
        "return out_grad * where(a > 0, 1, slope)",
    ),
    "graph cut": Page(
        {
            "": "the graph is cut: the gradient has no gradient of its own",
            "in part": "right in first order only: "
            "part of the gradient is computed outside the graph",
        },
        "The gradient is computed on raw arrays, so it has no gradient of its own.",
        "write gradient with operators on tensors: node.inputs[0], not its data",
        "return out_grad * Tensor(numpy.cos(a.numpy()))",
        "return out_grad * cos(a)",
    ),
    "precision": Page(
        {
            "float64 only": "right in float64 only",
            "dtype": "the gradient comes in another dtype",
            "digits": "the gradient is right to few digits: it is computed in a narrower dtype",
        },
        "A constant, a cast or a narrow intermediate result changes the dtype or loses digits.",
        "keep constants as Python numbers; do not cast intermediate results",
        "return out_grad * numpy.float64(0.5)",
        "return out_grad * 0.5",
    ),
    "shape": Page(
        {
            "": "the gradient has another shape than its input",
            "raises": "the shapes inside gradient fit for some inputs only: it raises for others",
        },
        "The reverse pass keeps, loses or permutes an axis.",
        "every gradient has exactly the shape of its input",
    ),
    "form": Page(
        {
            "array": "a bare array is returned where a tensor is expected",
            "none": "the gradient of an input is None",
            "not none": "an input without a derivative gets a gradient",
            "none for zero": "{whose} is None, which counts as zero",
            "count": "there is not one gradient per input",
        },
        "Every differentiable input has to get a tensor of this graph, and every other one None.",
        "return one tensor per differentiable input, None for the others",
    ),
    "device": Page(
        {
            "copy": "a device array is copied to the host",
            "operand": "an array of the host meets one of the device",
            "argument": "an argument is used that the device does not have",
            "function": "a function is used that the device does not have",
            "wraps": "the device, not the formula: positions that do not exist wrap around there",
            "answer": "the device, not the formula: {device} does not answer what the host answers",
        },
        "The operator works only on NumPy arrays: it creates constants on the host, converts to a"
        " Python number, or calls a function that CuPy does not have.",
        "stay with arrays: numpy functions dispatch to the array's own device",
        "scale = 1 / float(a.sum())",
        "scale = 1 / a.sum()",
    ),
    "compute": Page(
        {"": "compute, not gradient: the gradient is the reference's, the value is not"},
        "The gradient is that of the reference, but `compute` returns another value.",
        "compare compute with the formula and the reference; the gradient is right",
        "return numpy.log1p(a)  # for log a; da = dy / a",
        "return numpy.log(a)",
    ),
    "only input": Page(
        {
            "": "only {whose} is wrong",
            "another": "{whose} is another input's",
        },
        "The formula for one operand is wrong; the others are right.",
        "fix that operand's term",
    ),
}
