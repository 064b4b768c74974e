"""The likely cause of an operator's findings."""
