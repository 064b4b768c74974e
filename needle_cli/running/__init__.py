"""One run: from operators to tasks, rows and a summary, in worker processes or elsewhere."""
