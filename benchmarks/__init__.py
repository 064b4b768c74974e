"""Benchmarks of speed and detection: ours and other checkers on the same work, in one run."""
