"""Domains of inputs: what may be drawn, what is inside, and which steps stay inside."""
