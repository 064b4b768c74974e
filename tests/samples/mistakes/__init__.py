"""Forty wrong operators as people write them: what is wrong, and what would be said rightly of it.

Each family file defines its operators with one mistake each, beside it lie their specs, which are
honest, and `RIGHT` has a right twin of every one.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One wrong operator, the cause as a person would name it, and the words that say it.

    An empty `accepts` means that no word of the vocabulary does: "no simple pattern" is right. An
    empty word among them means that saying nothing is right as well.
    """

    file: str
    function: str
    person: str
    accepts: tuple[str, ...]


VOCABULARY = (
    "ratio", "zeros", "cotangent ignored", "cotangent returned", "transposed", "flipped",
    "missing sum", "wrong axis", "operands swapped", "times input", "times output", "not linear",
    "only where", "only input", "device", "precision", "stale state", "graph cut", "mutation",
    "nan", "duplicates", "shape",
)  # fmt: skip

MISTAKES = (
    Mistake("activation", "gelu", "the inner derivative lacks the cubic's term", ()),
    Mistake(
        "activation",
        "hardtanh",
        "the slope is 1 outside the limits too",
        ("only where", "cotangent returned"),
    ),
    Mistake("activation", "leaky_relu", "the cotangent is cleared after use", ("mutation",)),
    Mistake("activation", "relu", "the slope at exactly 0 is 7", ("only where",)),
    Mistake(
        "activation",
        "sigmoid",
        "the gradient is computed from plain arrays, outside the graph",
        ("graph cut",),
    ),
    Mistake("arithmetic", "cosine", "the minus before the sine is forgotten", ("ratio",)),
    Mistake("arithmetic", "cube", "the slope is computed in float32", ("precision",)),
    Mistake(
        "arithmetic",
        "divide",
        "the cotangent is forgotten in the divisor's gradient",
        ("cotangent ignored", "only input", "not linear"),
    ),
    Mistake("arithmetic", "exponential", "the cotangent is clipped to [-1, 1]", ("not linear",)),
    Mistake("arithmetic", "fractional", "the gradient is zero, as for floor", ("zeros",)),
    Mistake("arithmetic", "logarithm", "times a instead of divided by a", ("times input",)),
    Mistake("arithmetic", "maximum", "both inputs get all where they are equal", ("only where",)),
    Mistake(
        "arithmetic",
        "shift",
        "the bias's gradient is not summed over the axes it was broadcast along",
        ("missing sum", "shape", "only input"),
    ),
    Mistake(
        "arithmetic",
        "square",
        "2 y dy instead of 2 a dy: the output where the input belongs",
        ("times output", "times input"),  # y / a is a here, so both fit
    ),
    Mistake(
        "convolution",
        "conv1d",
        "the kernel is not flipped in the image's gradient",
        ("flipped", "only input"),
    ),
    Mistake(
        "convolution",
        "halve",
        "for odd lengths the zero is put in front instead of behind",
        ("only where",),
    ),
    Mistake(
        "convolution",
        "max_pool",
        "where windows overlap, a winner of two gets the last one's share only",
        ("duplicates",),
    ),
    Mistake(
        "indexing",
        "embedding",
        "rows that are looked up twice get the last share only",
        ("duplicates",),
    ),
    Mistake(
        "indexing",
        "masked_log",
        "NaN in a masked entry reaches the gradient: 0 / a instead of a choice",
        ("nan", "only where"),
    ),
    Mistake(
        "indexing",
        "subsample",
        "the start is forgotten: the cotangent is put at 0, step, 2 step, ...",
        ("only where",),
    ),
    Mistake("linalg", "logdet", "the inverse is not transposed", ("transposed",)),
    Mistake(
        "linalg",
        "matmul",
        "the left factor is not transposed in the right one's gradient",
        ("transposed", "shape", "only input"),
    ),
    Mistake(
        "linalg",
        "outer",
        "each operand's gradient is made with itself instead of the other one",
        ("operands swapped", "shape"),
    ),
    Mistake(
        "linalg",
        "quadratic_form",
        "the gradient of x is 2 a x, as if the matrix were symmetric",
        ("only input",),
    ),
    Mistake(
        "loss",
        "huber",
        "in the linear part the sign is forgotten: wrong for a < -1",
        ("only where",),
    ),
    Mistake(
        "loss",
        "log_sum_exp",
        "the maximum is not subtracted: the exponentials overflow for large entries",
        ("nan", "only where", ""),  # the value is no number first, and says enough
    ),
    Mistake("loss", "smoothed_cross_entropy", "the target is not smoothed", ("only where",)),
    Mistake("normalization", "dropout", "the factor 1 / (1 - p) is forgotten", ("ratio",)),
    Mistake(
        "normalization",
        "l2_normalize",
        "the length is kept on the class, where the next call overwrites it",
        ("stale state",),
    ),
    Mistake(
        "normalization",
        "layer_norm",
        "the path through the mean is forgotten in the gradient of a",
        ("only input",),
    ),
    Mistake(
        "normalization",
        "softmax",
        "of several axes only the last is summed over",
        ("wrong axis", "only where"),
    ),
    Mistake("reduction", "amax", "every one of several largest entries gets all", ("only where",)),
    Mistake(
        "reduction",
        "cumsum",
        "the cotangent is summed from the front instead of from the end",
        ("flipped",),
    ),
    Mistake("reduction", "norm", "0 / 0 where a row is 0 throughout", ("nan", "only where")),
    Mistake(
        "reduction",
        "total",
        "the reduced axis is not put back before broadcasting, which fits square shapes only",
        ("wrong axis", "shape"),
    ),
    Mistake("reduction", "variance", "divided by n - 1 instead of n", ("ratio",)),
    Mistake(
        "shape",
        "concatenate",
        "every member gets the first part of the cotangent: the offset is not moved on",
        ("only input",),
    ),
    Mistake("shape", "flip", "the flip is not undone", ("flipped", "cotangent returned")),
    Mistake(
        "shape",
        "repeat",
        "axis + 1 is another axis when the axis is negative",
        ("only where", "wrong axis", "shape", "missing sum"),  # over the axis that was meant
    ),
    Mistake("shape", "roll", "rolled on instead of back", ("flipped",)),
)
