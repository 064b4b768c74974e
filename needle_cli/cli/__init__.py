"""The command line: the entry point, its guard, `--watch`; each command is a file in commands/."""

COMPLETE = "_NEEDLE_COMPLETE"
"""A shell sets this environment variable to ask for completions."""
