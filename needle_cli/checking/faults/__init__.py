"""Planted faults: deliberately wrong gradients that the checks must catch."""
