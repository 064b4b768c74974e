"""The command line: the entry point, its guard, `--watch`; the commands are one file each below."""

COMPLETE = "_NEEDLE_COMPLETE"
"""The environment variable by which a shell asks for completions."""
