"""Readers of annotated faces, one module a format."""

from ._rows import read_rows
from .boxes import read_boxes
from .cofw import read_cofw
from .folder import read_folder, read_folders
from .imglab import read_imglab
from .pts import read_pts
from .visible import read_visible
from .wflw import read_wflw

__all__ = [
    "read_boxes",
    "read_cofw",
    "read_folder",
    "read_folders",
    "read_imglab",
    "read_pts",
    "read_rows",
    "read_visible",
    "read_wflw",
]
