"""OpenCV's module, `cv2`, or one sentence on why it cannot be imported.

from features.opencv import cv2
"""

from .errors import NoOpenCV

try:
    import cv2
except ImportError as error:
    raise NoOpenCV.caused_by(error) from error

__all__ = ["cv2"]
