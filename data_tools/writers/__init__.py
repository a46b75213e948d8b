"""Writers of annotated faces, one module per format; `WRITERS` lists all formats."""

from .folder import write_folder
from .formats import WRITERS, write_faces
from .imglab import write_imglab
from .pts import write_pts

__all__ = ["WRITERS", "write_faces", "write_folder", "write_imglab", "write_pts"]
