"""The questions: one file each, asked in the order of `registry.NAMES`."""
