"""The vocabulary of parameters, one file per family of kinds."""
