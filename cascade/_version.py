"""The version, apart from everything else so that a build reads it without importing numba."""

__version__ = "0.1.0"
