"""The command line: the entry point, its guard, `--watch`; the commands are one file each below."""
