"""One file per machine-readable format."""
