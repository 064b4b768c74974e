"""A case as data: encoded, as one short word, as a file, as a script."""
