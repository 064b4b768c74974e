"""The closed vocabularies of a spec: the words that values may be."""

from __future__ import annotations

from needle_cli import explanations

CHECKS = tuple(explanations.CHECKS)
STRUCTURES = ("linear", "multilinear", "affine")
DTYPES = ("float", "int", "bool")
CURVATURES = ("convex", "concave", "none")
FLOAT_DTYPES = ("float16", "float32", "float64")
DEVICES = ("cpu", "cuda", "sim")
DUPLICATES = ("allow", "force", "forbid")

PARAM_FIELDS: dict[str, tuple[str, ...]] = {
    "int": ("min", "max", "values"),
    "float": ("min", "max", "values"),
    "bool": (),
    "choice": ("values",),
    "axis": ("of", "extra", "optional"),
    "axes": ("of", "optional", "int", "empty"),
    "axis_pair": ("of", "optional"),
    "permutation": ("of", "optional"),
    "reshape_target": ("of",),
    "broadcast_target": ("of",),
    "index": ("of", "arrays", "duplicates"),
    "pad_widths": ("of", "max"),
    "split_sections": ("of", "axis"),
    "repeats": ("of", "axis", "max"),
}
"""The fields of each kind of parameter besides `kind`."""
