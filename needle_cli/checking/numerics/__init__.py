"""From numbers to one verdict: directions, finite differences, bounds, and kinks."""
