"""Adapters: an engine's functions of tensors as operators under test."""
