"""Mistakes planted in our own operators: where, which, and what the checks say of them."""
