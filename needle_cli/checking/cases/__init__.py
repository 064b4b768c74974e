"""Which inputs are tried: shapes, parameters, values, layouts, and the corners of every run."""
