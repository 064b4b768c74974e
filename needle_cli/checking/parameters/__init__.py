"""The kinds of parameters, one file per family."""
