"""Readers of annotated faces, one module per format; `SOURCES` lists all data sets."""

from ._rows import read_rows
from .boxes import Boxes, read_boxes
from .cofw import read_cofw
from .folder import read_folder
from .imglab import read_imglab
from .pts import read_pts
from .sources import SOURCES, find_source, read_folders, read_source
from .visible import read_visible
from .wflw import read_wflw

__all__ = [
    "SOURCES",
    "Boxes",
    "find_source",
    "read_boxes",
    "read_cofw",
    "read_folder",
    "read_folders",
    "read_imglab",
    "read_pts",
    "read_rows",
    "read_source",
    "read_visible",
    "read_wflw",
]
