"""Which cases are tried: structures that fit together, corners, layouts, values."""
