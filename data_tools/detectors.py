"""Face detectors behind one call.

Every detector draws another box around the same face. A cascade starts from the box, so it wants
the boxes it was trained with: see `data_tools.corrections`. No detector here touches the network.

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

``jda``, the default, is the joint cascade of `cascade.detection.jda`. Others are added by
`data_tools.detector_table.register`.
"""

import threading
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from features.errors import InputError
from features.images import as_grey

from .boxes import iou
from .detector_table import DEFAULT_DETECTOR, DETECTORS, detector_class, kind_of

# Larger photographs are shrunk to this long side before any search.
LBP_LONG_SIDE, OTHER_LONG_SIDE = 640, 1280


def detect(image, detector=None):
    """Boxes of the faces in an image.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Grey; what else `features.images.as_grey` takes is converted.
    detector : str or callable, optional
        As for `get_detector`; without it, ``jda``. The boxes
        follow the detector's own convention; see `data_tools.corrections` for how to map them to
        that of a model.

    Returns
    -------
    ndarray of shape (n, 4), float32
        (left, top, right, bottom) in pixels, in descending order of size times confidence; (0, 4)
        where no face was found. A box may reach beyond the image.

    Raises
    ------
    InputError
        If the detector is unknown or lacks something, or `image` is no image.
    """
    return get_detector(DEFAULT_DETECTOR if detector is None else detector)(image)


def get_detector(spec):
    """The detector that `spec` names, loaded once and kept.

    Parameters
    ----------
    spec : {"lbp", "dlib"} or "yunet:FILE" or callable
        Or another name in `data_tools.detector_table`. A callable from a grey image to boxes is
        returned as it is.

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
    found = detector_class(kind_of(spec))
    if found is None:
        raise InputError(f"no face detector {spec!r}; choose one of {', '.join(DETECTORS)}")
    file = str(spec).partition(":")[2]
    return found(file) if file else found()


def _shrink(grey, long_side):
    """The image at no more than `long_side` pixels, and source pixels per pixel along x and y."""
    height, width = grey.shape
    scale = min(1.0, long_side / max(height, width))
    if scale == 1:
        return grey, np.ones(2)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return small, np.array([width / size[0], height / size[1]])


def _surest_first(boxes, ranks, scores, scale):
    """Boxes between pixel edges of a shrunk image, and their scores, as the detectors return them.

    The order is that of `ranks`.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    order = np.argsort(-np.asarray(ranks, np.float64), kind="stable")
    # Edges count from the outer border of pixel 0, half a pixel before its centre.
    boxes = (boxes[order] * np.tile(scale, 2) - 0.5).astype(np.float32)
    return boxes, np.asarray(scores, np.float32)[order]


class Detector:
    """A face detector: a callable from an image to boxes (n, 4)."""

    def __call__(self, image):
        """Boxes of the faces in an image (H, W); see `detect`."""
        return self.search(image)[0]

    def search(self, image, long_side=None):
        """Boxes and the detector's own scores.

        Parameters
        ----------
        image : ndarray of shape (H, W)
        long_side : int, optional
            Long side in pixels that larger images are shrunk to; more finds smaller faces, and
            takes longer. Without it, the detector's own.

        Returns
        -------
        boxes : ndarray of shape (n, 4), float32
        scores : ndarray of shape (n,), float32
            Higher is surer. ``lbp`` counts windows, from 4 on; dlib tells the distance from its
            plane, from 0 on; YuNet a probability from 0.6 on.
        """
        raise NotImplementedError(f"{type(self).__name__} must say how it searches")


# ------------------------------------------------------------------------------------------- lbp


class _Lbp(Detector):
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
        grey, scale = _shrink(as_grey(image), long_side or LBP_LONG_SIDE)
        hits = self._hits(grey, 0.0)
        boxes, scores = self._groups(*hits, max(grey.shape))
        # Tilted heads cost two more searches, spent only where the first left doubt.
        if not (scores >= self.SURE).any():
            tilted = [self._hits(grey, angle) for angle in (-self.TILT, self.TILT)]
            hits = [np.concatenate(parts) for parts in zip(hits, *tilted, strict=True)]
            boxes, scores = self._groups(*hits, max(grey.shape))
        found = scores >= self.ENOUGH
        return _surest_first(boxes[found], scores[found], scores[found], scale)

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


# -------------------------------------------------------------------------------- dlib and YuNet


class _Dlib(Detector):
    """dlib's frontal face detector; searches images up to 640 px enlarged twice."""

    def __init__(self):
        try:
            import dlib
        except ImportError as error:
            raise InputError(
                "the detector 'dlib' needs the dlib module; install it with: pip install dlib-bin"
            ) from error
        self.detector = dlib.get_frontal_face_detector()

    def search(self, image, long_side=None):
        """As `Detector.search`."""
        grey, scale = _shrink(as_grey(image), long_side or OTHER_LONG_SIDE)
        enlarge = int(max(grey.shape) <= 640)
        found, scores, _ = self.detector.run(grey, enlarge, 0.0)
        # dlib names the first and last pixel inside; _surest_first wants the edges around them.
        boxes = [(b.left(), b.top(), b.right() + 1, b.bottom() + 1) for b in found]
        sides = [b.width() for b in found]
        return _surest_first(boxes, (np.asarray(scores) + 1) * sides, scores, scale)


class _YuNet(Detector):
    """OpenCV's FaceDetectorYN with a network from a file."""

    MAX_BYTES = 1 << 26
    SCORE, OVERLAP, MOST = 0.6, 0.3, 1000

    def __init__(self, file):
        path = Path(file)
        if not hasattr(cv2, "FaceDetectorYN"):
            raise InputError(
                "this OpenCV has no FaceDetectorYN, which 'yunet' needs; "
                "install it with: pip install -U opencv-python"
            )
        if not path.is_file():
            raise InputError(f"{path}: no such file; give YuNet's ONNX file as yunet:FILE")
        if path.stat().st_size > self.MAX_BYTES:
            raise InputError(f"{path}: larger than {self.MAX_BYTES} bytes, so not YuNet")
        try:
            self.network = cv2.FaceDetectorYN.create(
                str(path), "", (320, 320), self.SCORE, self.OVERLAP, self.MOST
            )
        except (cv2.error, SystemError) as error:
            raise InputError(f"{path}: not a network that OpenCV can load; get it anew") from error
        self.file = path
        self.lock = threading.Lock()  # the network keeps the size of its input

    def search(self, image, long_side=None):
        """As `Detector.search`."""
        grey, scale = _shrink(as_grey(image), long_side or OTHER_LONG_SIDE)
        try:
            with self.lock:
                self.network.setInputSize(grey.shape[::-1])
                found = self.network.detect(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))[1]
        except cv2.error as error:
            raise InputError(f"{self.file}: not YuNet; its outputs are no faces") from error
        if found is None:
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        left_top, size, scores = found[:, :2], found[:, 2:4], found[:, -1]
        boxes = np.hstack([left_top, left_top + size])
        return _surest_first(boxes, scores * size[:, 0], scores, scale)
