"""Face detectors behind one call, and corrections between the boxes they give.

Every detector draws another box around the same face. A cascade starts from the box, so it wants
the boxes it was trained with: a model states that convention, and a `BoxCorrection` maps another
detector's boxes to it. No detector here touches the network.

Detectors
---------
``lbp``
    The frontal-face cascade of scikit-image, multi-block local binary patterns (Liao et al. 2007)
    in the attentional cascade of Viola & Jones (2004). Always there, nothing to download.
``dlib``
    Histograms of oriented gradients with a linear max-margin detector (Dalal & Triggs 2005;
    King 2015); needs the dlib module.
``yunet:FILE``
    YuNet (Wu et al. 2023) through OpenCV's FaceDetectorYN, from the ONNX file FILE.
"""

import math
import threading
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from features.errors import InputError
from features.images import as_grey

from .boxes import iou

DETECTORS = ("lbp", "dlib", "yunet:FILE")

# Larger photographs are shrunk to this long side before any search.
LBP_LONG_SIDE, OTHER_LONG_SIDE = 640, 1280


def detect(image, detector="lbp"):
    """Boxes of the faces in an image.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Grey; what else `features.images.as_grey` takes is converted.
    detector : str or callable
        As for `get_detector`. The boxes follow the detector's own convention; see
        `BoxCorrection` for how to map them to that of a model.

    Returns
    -------
    ndarray of shape (n, 4), float32
        (left, top, right, bottom) in pixels, the largest and surest first; (0, 4) where no face
        was found. A box may reach beyond the image.

    Raises
    ------
    InputError
        If the detector is unknown or lacks something, or `image` is no image.
    """
    return get_detector(detector)(image)


def get_detector(spec):
    """The detector that `spec` names, loaded once and kept.

    Parameters
    ----------
    spec : {"lbp", "dlib"} or "yunet:FILE" or callable
        A callable from a grey image to boxes is returned as it is.

    Returns
    -------
    callable
        From an image (H, W) to boxes (n, 4), float32; may be shared between threads.

    Raises
    ------
    InputError
        If there is no such detector, or its module or file is missing.

    Examples
    --------
    >>> import numpy as np
    >>> get_detector("lbp")(np.zeros((80, 60), np.uint8)).shape
    (0, 4)
    """
    return spec if callable(spec) else _load(spec)


@lru_cache(maxsize=8)
def _load(spec):
    name, colon, argument = str(spec).partition(":")
    if name == "yunet" and argument:
        return _YuNet(argument)
    if name == "lbp" and not colon:
        return _Lbp()
    if name == "dlib" and not colon:
        return _Dlib()
    raise InputError(f"no face detector {spec!r}; choose one of {', '.join(DETECTORS)}")


def _shrink(grey, long_side):
    """The image at no more than `long_side` pixels, and source pixels per pixel along x and y."""
    height, width = grey.shape
    scale = min(1.0, long_side / max(height, width))
    if scale == 1:
        return grey, np.ones(2)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return small, np.array([width / size[0], height / size[1]])


def _largest_first(boxes, scores, scale):
    """Boxes between pixel edges of a shrunk image as the detectors return them."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    order = np.argsort(-np.asarray(scores) * (boxes[:, 2] - boxes[:, 0]), kind="stable")
    # Edges count from the outer border of pixel 0, half a pixel before its centre.
    return (boxes[order] * np.tile(scale, 2) - 0.5).astype(np.float32)


# ------------------------------------------------------------------------------------------- lbp


class _Lbp:
    """Windows of the cascade's own size on a pyramid of images.

    The pyramid matters: scikit-image's own search scales the cascade's rectangles and cuts them
    to whole pixels, which loses one face in six.
    """

    WINDOW = 24
    FINEST = 384  # long side of the first level: the smallest face is 1/16 of it
    STEP = 1.15  # between the scales of the pyramid
    COARSE = 40_000  # levels of more pixels are searched at every other pixel
    MARGIN = 0.2  # border added around the image, of its short side, for faces that fill it
    LENIENCE = 0.2  # subtracted from each stage's threshold; neighbouring hits decide instead
    TILT = 20.0  # degrees
    SURE, ENOUGH = 12.0, 3.0
    MAX_HITS = 2000

    def __init__(self):
        from skimage.data import lbp_frontal_face_cascade_filename
        from skimage.feature import Cascade

        self.cascade = Cascade(lbp_frontal_face_cascade_filename(), eps=self.LENIENCE)

    def __call__(self, image):
        grey, scale = _shrink(as_grey(image), LBP_LONG_SIDE)
        hits = self._hits(grey, 0.0)
        boxes, scores = self._groups(*hits, max(grey.shape))
        # Tilted heads cost two more searches, spent only where the first left doubt.
        if not (scores >= self.SURE).any():
            tilted = [self._hits(grey, angle) for angle in (-self.TILT, self.TILT)]
            hits = [np.concatenate(parts) for parts in zip(hits, *tilted, strict=True)]
            boxes, scores = self._groups(*hits, max(grey.shape))
        found = scores >= self.ENOUGH
        return _largest_first(boxes[found], scores[found], scale)

    def _hits(self, grey, angle):
        """Windows that pass the cascade, (n, 4), and how many tried positions each stands for."""
        height, width = grey.shape
        back = np.eye(2, 3)
        if angle:
            turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
            back = cv2.invertAffineTransform(turn)
            grey = cv2.warpAffine(grey, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        margin = int(self.MARGIN * min(height, width))
        grey = cv2.copyMakeBorder(grey, *[margin] * 4, cv2.BORDER_REPLICATE)
        centres, sides, weights = [], [], []
        zoom = min(1.0, self.FINEST / max(height, width))
        while zoom * min(grey.shape) >= self.WINDOW:
            size = [round(n * zoom) for n in grey.shape[::-1]]
            level = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
            # The cascade sums pixels in float32. Its features ignore an offset, and centred whole
            # numbers keep the sums exact, so equal blocks compare as equal. It leaves out the last
            # row and column of windows, hence the extra one.
            level = np.pad(level - np.rint(level.mean()), ((0, 1), (0, 1)), mode="edge")
            stride = 2 if level.size > self.COARSE else 1
            corners = self.cascade.detect_multi_scale(
                level,
                scale_factor=2,  # one scale only: the next would be beyond max_size
                step_ratio=stride,
                min_size=(self.WINDOW, self.WINDOW),
                max_size=(self.WINDOW + 1, self.WINDOW + 1),
                min_neighbor_number=1,
                intersection_score_threshold=2,  # beyond 1: do not merge
            )
            centre = np.array([(c["c"], c["r"]) for c in corners]).reshape(-1, 2) + self.WINDOW / 2
            centres.append(centre / zoom - margin)
            sides.append(np.full(len(centre), self.WINDOW / zoom))
            weights.append(np.full(len(centre), stride**2))
            zoom /= self.STEP
        if not centres:
            return np.zeros((0, 4)), np.zeros(0)
        centre = np.concatenate(centres) @ back[:, :2].T + back[:, 2]
        half = np.concatenate(sides)[:, None] / 2
        return np.hstack([centre - half, centre + half]), np.concatenate(weights)

    def _groups(self, hits, weights, long_side):
        """Mean boxes of the modes of the hits, and their scores.

        A window is searched for at about (long side / window side)² places, so small false hits
        are many. The score, hits times the window's share of the long side, evens that out.
        """
        if len(hits) > self.MAX_HITS:  # bounds the table of overlaps; real images stay far below
            keep = np.linspace(0, len(hits) - 1, self.MAX_HITS).astype(int)
            weights = weights[keep] * (len(hits) / self.MAX_HITS)
            hits = hits[keep]
        overlaps = iou(hits, hits)
        alive = np.ones(len(hits), bool)
        boxes, scores = [], []
        while alive.any():
            votes = (overlaps > 0.5) @ (weights * alive) * alive
            group = alive & (overlaps[votes.argmax()] > 0.5)
            box = np.average(hits[group], axis=0, weights=weights[group])
            side = box[2] - box[0]
            boxes.append(box)
            scores.append(weights[group].sum() * side / (0.4 * long_side))
            # What overlaps a group or lies within it (an eye, a mouth) is the same face.
            centre = (hits[:, :2] + hits[:, 2:]) / 2
            within = ((centre > box[:2]) & (centre < box[2:])).all(1)
            within &= hits[:, 2] - hits[:, 0] < 1.3 * side
            alive &= ~(group | within | (iou(hits, box)[:, 0] > 0.3))
        return np.array(boxes).reshape(-1, 4), np.array(scores)
