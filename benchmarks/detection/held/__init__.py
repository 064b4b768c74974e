"""The half of the corpus on which nothing may be tuned."""
