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
from typing import NamedTuple

import cv2
import numpy as np

from features.errors import InputError, require_range
from features.images import as_grey

from .detector_table import DEFAULT_DETECTOR, DETECTORS, detector_class, kind_of

# Larger photographs are shrunk to this long side before a search.
OTHER_LONG_SIDE = 1280


def detect(image, detector=None, *, rotation=0.0, long_side=None):
    """Boxes of the faces in an image.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Grey; what else `features.images.as_grey` takes is converted.
    detector : str or callable, optional
        As for `get_detector`; without it, ``jda``. The boxes
        follow the detector's own convention; see `data_tools.corrections` for how to map them to
        that of a model.
    rotation : float
        Degrees, up to 180, by which faces may be turned in the plane to either side; see
        `Detector.turned`. The boxes stay upright squares.
    long_side : int, optional
        As of `Detector.search`: more finds smaller faces.

    Returns
    -------
    ndarray of shape (n, 4), float32
        (left, top, right, bottom) in pixels, in descending order of size times confidence; (0, 4)
        where no face was found. A box may reach beyond the image.

    Raises
    ------
    InputError
        If the detector is unknown or lacks something, `image` is no image, or the detector cannot
        search as it should.
    """
    found = get_detector(DEFAULT_DETECTOR if detector is None else detector, rotation)
    if long_side is None:
        return found(image)
    if not isinstance(found, Detector):
        raise InputError("long_side goes with a detector by name; leave it out for a function")
    return found.search(image, long_side)[0]


def get_detector(spec, rotation=0.0):
    """The detector that `spec` names, loaded once and kept.

    Parameters
    ----------
    spec : {"lbp", "dlib"} or "yunet:FILE" or callable
        Or another name in `data_tools.detector_table`. A callable from a grey image to boxes is
        returned as it is.
    rotation : float
        See `Detector.turned`.

    Returns
    -------
    callable
        From an image (H, W) to boxes (n, 4), float32; may be shared between threads.

    Raises
    ------
    InputError
        If there is no such detector, its module or file is missing, or it finds no turned faces.

    Examples
    --------
    >>> import numpy as np
    >>> get_detector("lbp")(np.zeros((80, 60), np.uint8)).shape
    (0, 4)
    """
    found = spec if callable(spec) else _load(spec)
    if isinstance(found, Detector):
        return found.turned(rotation)
    if rotation:
        raise InputError("rotation goes with a detector by name; leave it out for a function")
    return found


@lru_cache(maxsize=8)
def _load(spec):
    found = detector_class(kind_of(spec))
    if found is None:
        raise InputError(f"no face detector {spec!r}; choose one of {', '.join(DETECTORS)}")
    file = str(spec).partition(":")[2]
    return found(file) if file else found()


def shrink(grey, long_side):
    """The image at no more than `long_side` pixels, and source pixels per pixel along x and y."""
    height, width = grey.shape
    scale = min(1.0, long_side / max(height, width))
    if scale == 1:
        return grey, np.ones(2)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return small, np.array([width / size[0], height / size[1]])


def surest_first(boxes, ranks, scores, scale):
    """Boxes between pixel edges of a shrunk image, and their scores, as the detectors return them.

    The order is that of `ranks`.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    order = np.argsort(-np.asarray(ranks, np.float64), kind="stable")
    # Edges count from the outer border of pixel 0, half a pixel before its centre.
    boxes = (boxes[order] * np.tile(scale, 2) - 0.5).astype(np.float32)
    return boxes, np.asarray(scores, np.float32)[order]


class Finds(NamedTuple):
    """What a detector finds in an image.

    Attributes
    ----------
    boxes : ndarray of shape (n, 4), float32
    scores : ndarray of shape (n,), float32, or None
    turns : ndarray of shape (n,), float32, or None
        By how many degrees each face is turned in the plane, clockwise in the image; None from
        detectors that do not tell.
    """

    boxes: np.ndarray
    scores: np.ndarray | None = None
    turns: np.ndarray | None = None

    def subset(self, rows):
        """The faces `rows`, an index, a slice or a mask."""
        return Finds(*(None if part is None else part[rows] for part in self))


class Detector:
    """A face detector: a callable from an image to boxes (n, 4)."""

    #: Whether it can search for faces that are turned in the plane: see `turned`.
    finds_turned = False

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
            Higher is more certain. ``lbp`` counts windows, from 4; dlib gives the distance from its
            separating plane, from 0; YuNet a probability, from 0.6.
        """
        raise NotImplementedError(f"{type(self).__name__} must say how it searches")

    def find(self, image, long_side=None):
        """The `Finds` of an image, with turns where they are known; arguments as of `search`."""
        return Finds(*self.search(image, long_side))

    def turned(self, rotation):
        """The detector of faces that may be turned in the plane.

        Parameters
        ----------
        rotation : float
            Degrees, up to 180, to either side. 0 is the usual search, which finds upright faces
            and those that are turned a little.

        Returns
        -------
        Detector

        Raises
        ------
        InputError
            If it is out of range, or this detector finds upright faces only.
        """
        require_range("rotation", rotation, 0, 180)
        if not rotation:
            return self
        if not self.finds_turned:
            raise InputError(
                "this detector finds upright faces only; take 'jda' where faces are turned, or "
                "leave rotation out"
            )
        return self._turned(float(rotation))


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
        grey, scale = shrink(as_grey(image), long_side or OTHER_LONG_SIDE)
        enlarge = int(max(grey.shape) <= 640)
        found, scores, _ = self.detector.run(grey, enlarge, 0.0)
        # dlib names the first and last pixel inside; surest_first wants the edges around them.
        boxes = [(b.left(), b.top(), b.right() + 1, b.bottom() + 1) for b in found]
        sides = [b.width() for b in found]
        return surest_first(boxes, (np.asarray(scores) + 1) * sides, scores, scale)


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
        grey, scale = shrink(as_grey(image), long_side or OTHER_LONG_SIDE)
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
        return surest_first(boxes, scores * size[:, 0], scores, scale)
