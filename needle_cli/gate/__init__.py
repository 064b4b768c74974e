"""What a change affects: which operators, and where their specs ask for less than before."""
