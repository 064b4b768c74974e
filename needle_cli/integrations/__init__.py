"""Other hosts of the judge: pytest, and the course's `gradient_check`."""
