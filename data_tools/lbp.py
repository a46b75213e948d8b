"""The detector ``lbp``: scikit-image's frontal-face cascade on a pyramid of images."""

import cv2
import numpy as np

from features.images import as_grey

from .boxes import iou
from .detectors import Detector, shrink, surest_first

# Larger photographs are shrunk to this long side before a search.
LONG_SIDE = 640


class Lbp(Detector):
    """Windows of the cascade's own size on a pyramid of images.

    The pyramid, the margin and the lenient stages matter. scikit-image's own search scales the
    cascade's rectangles and cuts them to whole pixels: on 170 images of the 300-W training set
    that tuning did not see it finds 78 % of the faces (at an overlap of 0.4), this one 98 %, each
    with 0.18 other boxes an image. The face is the first box in 95 %.
    """

    WINDOW = 24
    FINEST = 288  # long side of the first level: the smallest face is 1/12 of it
    STEP = 1.15  # between the scales of the pyramid
    COARSE = 40_000  # levels of more pixels are searched at every other pixel
    MARGIN = 0.2  # border added around the image, of its short side, for faces that fill it
    LENIENCE = 0.2  # subtracted from each stage's threshold; neighbouring hits decide instead
    TILT = 20.0  # degrees
    LARGE = 0.4  # of the long side: a window for which a hit counts in full
    SURE, ENOUGH, FEWEST = 12.0, 4.0, 3.0  # scores, and hits
    MAX_HITS = 1000  # of which the table of overlaps is made; photographs stay far below

    def __init__(self):
        from skimage.data import lbp_frontal_face_cascade_filename
        from skimage.feature import Cascade

        self.cascade = Cascade(lbp_frontal_face_cascade_filename(), eps=self.LENIENCE)

    def search(self, image, long_side=None):
        """As `Detector.search`."""
        grey, scale = shrink(as_grey(image), long_side or LONG_SIDE)
        hits = self._hits(grey, 0.0)
        boxes, scores = self._groups(*hits, max(grey.shape))
        # Tilted heads cost two more searches, spent only where the first left doubt.
        if not (scores >= self.SURE).any():
            tilted = [self._hits(grey, angle) for angle in (-self.TILT, self.TILT)]
            hits = [np.concatenate(parts) for parts in zip(hits, *tilted, strict=True)]
            boxes, scores = self._groups(*hits, max(grey.shape))
        found = scores >= self.ENOUGH
        return surest_first(boxes[found], scores[found], scores[found], scale)

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
        are many. The score, hits times the window's share of a large one, evens that out.
        """
        if len(hits) > self.MAX_HITS:
            keep = np.linspace(0, len(hits) - 1, self.MAX_HITS).astype(int)
            weights = weights[keep] * (len(hits) / self.MAX_HITS)
            hits = hits[keep]
        alike = iou(hits, hits) > 0.5
        alive = np.ones(len(hits), bool)
        boxes, scores = [], []
        while alive.any():
            votes = alike @ (weights * alive) * alive
            group = alive & alike[votes.argmax()]
            box = np.average(hits[group], axis=0, weights=weights[group])
            side = box[2] - box[0]
            boxes.append(box)
            n_hits = weights[group].sum()
            share = min(1.0, side / (self.LARGE * long_side))
            scores.append(n_hits * share if n_hits >= self.FEWEST else 0.0)
            # What overlaps a group or lies within it (an eye, a mouth) is the same face.
            centre = (hits[:, :2] + hits[:, 2:]) / 2
            within = ((centre > box[:2]) & (centre < box[2:])).all(1)
            within &= hits[:, 2] - hits[:, 0] < 1.3 * side
            alive &= ~(group | within | (iou(hits, box)[:, 0] > 0.3))
        return np.array(boxes).reshape(-1, 4), np.array(scores)
