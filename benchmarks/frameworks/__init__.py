"""Operators of PyTorch, JAX and autograd with their own gradients, as pairs for `check_pair`."""
