"""Declared points without a derivative: finding them, drawing on them, keeping off them."""
