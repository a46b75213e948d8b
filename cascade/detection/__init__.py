"""From photographs to landmarks: detection, correction of the boxes, alignment."""

from .finding import FoundFaces, find_faces
from .from_detector import FromDetector
from .measuring import known_detectors, measure_detectors

__all__ = [
    "FoundFaces",
    "FromDetector",
    "find_faces",
    "known_detectors",
    "measure_detectors",
]
