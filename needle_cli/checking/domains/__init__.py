"""Domains of inputs: what may be drawn, what is inside, how far a step may go."""
