"""Writers of annotated faces, one module a format."""

from .folder import write_folder
from .imglab import write_imglab
from .pts import write_pts

__all__ = ["write_folder", "write_imglab", "write_pts"]
