"""C source, written from trained models."""

from .export import dumps, write

__all__ = ["dumps", "write"]
