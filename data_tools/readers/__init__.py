"""Readers of annotated faces, one module a format."""

from .boxes import read_boxes
from .folder import read_folder, read_folders
from .pts import read_pts

__all__ = ["read_boxes", "read_folder", "read_folders", "read_pts"]
