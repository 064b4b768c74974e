"""From numbers to one verdict: directions, differences, bounds, and what happens at kinks."""
