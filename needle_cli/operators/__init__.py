"""The operators of a command: found, selected, with their known failures; and new ones started."""
