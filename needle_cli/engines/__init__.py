"""Adapters that turn an engine's functions of tensors into operators under test."""
