"""One run: operators to tasks to rows to a summary, in worker processes or on other machines."""
