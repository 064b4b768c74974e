"""The checking core as a library: judge one function at given inputs."""
