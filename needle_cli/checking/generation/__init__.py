"""Generates the cases: structures that fit together, corners, memory layouts, values."""
