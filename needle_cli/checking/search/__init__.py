"""Judges an operator: chooses its cases, shrinks failing ones, and finds missing kinks."""
