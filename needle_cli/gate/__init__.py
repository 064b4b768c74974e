"""What a gate knows beside verdicts: what a change does, what is lived with, what was before."""
