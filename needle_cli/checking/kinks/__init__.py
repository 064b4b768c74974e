"""Declared points without a derivative: find them, draw values on them, keep values off them."""
