"""Small crops of the labelled faces, kept in memory, so that no photograph is read twice."""

import cv2
import numpy as np

from data_tools.dataset import FaceDataset
from features.geometry import box_placement

# Side of the crop around the centre of the box, in box sides; cascades read no pixel outside it.
_REACH = 1.1
# Sides of boxes that are larger are shrunk to this many pixels, as the frames of cascades have.
_SIDE = 140.0
# Most faces to train on: more hardly improve the proposals, and take longer.
_MOST = 1000


class Patches:
    """Patches of the faces of a session, each cut once until its box changes.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session):
        self.session = session
        self._kept = {}

    def faces(self):
        """Finished faces as a `FaceDataset` in memory, whose files are the images' names.

        All up to 1000; of more, an evenly spaced choice of 1000.
        """
        labelled = self.session.labelled()
        labelled = labelled[:: -(-len(labelled) // _MOST) or 1]
        kept, files, shapes, boxes, images = {}, [], [], [], []
        for i, face in labelled:
            key = i, face.box
            patch, scale, corner = kept[key] = self._kept.get(key) or self._cut(i, face.box)
            files.append(self.session.entries[i].path.name)
            shapes.append((face.points - corner) * scale)
            boxes.append((np.reshape(face.box, (2, 2)) - corner).ravel() * scale)
            images.append(patch)
        self._kept = kept
        shapes = np.array(shapes).reshape(len(files), -1, 2)
        return FaceDataset(
            files, shapes, np.array(boxes).reshape(-1, 4), self.session.scheme, images=images
        )

    def _cut(self, i, box):
        """The patch, its pixels for a pixel of the image, and where its origin lies there."""
        grey = cv2.cvtColor(self.session.pixels(i), cv2.COLOR_BGR2GRAY)
        cx, cy, side = box_placement(box).astype(float)
        reach = _REACH * side
        height, width = grey.shape
        left, top = max(int(cx - reach), 0), max(int(cy - reach), 0)
        right, bottom = min(int(cx + reach) + 1, width), min(int(cy + reach) + 1, height)
        patch = grey[top:bottom, left:right]
        scale = min(1.0, _SIDE / side)
        if scale < 1:
            size = [max(1, round(n * scale)) for n in patch.shape[::-1]]
            patch = cv2.resize(patch, size, interpolation=cv2.INTER_AREA)
        # Edges of pixels are scaled, and half a pixel lies between an edge and the centre.
        corner = np.array([left, top]) - 0.5 + 0.5 / scale
        return np.ascontiguousarray(patch), scale, corner
