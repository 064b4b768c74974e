"""The checks: one file each, run in the order of `registry.NAMES`."""
