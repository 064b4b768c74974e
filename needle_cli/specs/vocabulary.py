"""The closed vocabularies of a spec: the words that values may be."""

from __future__ import annotations

from needle_cli import explanations, settings

CHECKS = tuple(explanations.CHECKS)
STRUCTURES = ("linear", "multilinear", "affine")
DTYPES = ("float", "int", "bool")
CURVATURES = ("convex", "concave", "none")
FLOAT_DTYPES = ("float16", "float32", "float64")
DEVICES = settings.DEVICES
DUPLICATES = ("allow", "force", "forbid")
