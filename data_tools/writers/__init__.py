"""Writers of annotated faces, one module a format."""

from .pts import write_pts

__all__ = ["write_pts"]
