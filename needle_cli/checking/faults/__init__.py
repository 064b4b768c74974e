"""Fault injection: deliberately wrong gradients that the checks must catch."""
