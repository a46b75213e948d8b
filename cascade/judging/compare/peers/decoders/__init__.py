"""From what a network puts out to points of its crop.

A decoder is made from a spec, whose options it takes, and the side of the network's input in
pixels. ``count(shape)`` is the number of points that an output of this shape holds for one face, 0
if it can hold none; called with an output, it gives the points (P, 2) as fractions of the crop.
"""

from .coords import Coords
from .dense_uv import DenseUv
from .face_model import FaceModel
from .heatmaps import Heatmaps
from .position_map import PositionMap

DECODERS = {
    "coords": Coords,
    "heatmap": Heatmaps,
    "uvmap": PositionMap,
    "3dmm": FaceModel,
    "iuv": DenseUv,
}
