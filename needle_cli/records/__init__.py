"""A case as data: encoded, as a replay token, as a file, as a script."""
