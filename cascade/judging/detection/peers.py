"""The detectors that can be compared: `data_tools.detectors`, and OpenCV's Haar cascade."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from data_tools.detectors import DETECTORS, Detector, get_detector
from features.errors import InputError
from features.images import as_grey

# Detectors besides those of `data_tools.detectors`.
_OTHERS = ("haar", "haar:FILE")


class Peer(NamedTuple):
    """A loaded detector with its label.

    Attributes
    ----------
    label : str
    detector : Detector
    """

    label: str
    detector: Detector


def open_detectors(names, rotation=0.0):
    """Load the detectors of a list.

    Parameters
    ----------
    names : str or sequence of str
        Of `data_tools.detectors.DETECTORS`, ``haar`` or ``haar:FILE``, separated by commas where it
        is one text; ``NAME=SPEC`` gives one a label.
    rotation : float
        See `data_tools.detectors.Detector.turned`; detectors that find upright faces only search
        as usual.

    Returns
    -------
    list of Peer

    Raises
    ------
    InputError
        If the list is empty, a detector is unknown or cannot be loaded, or two have the same label.
    """
    texts = names.split(",") if isinstance(names, str) else list(names)
    peers = [_open(text.strip(), rotation) for text in texts if text.strip()]
    if not peers:
        raise InputError(
            f"no detector to compare; name some of {', '.join((*DETECTORS, *_OTHERS))}"
        )
    labels = [peer.label for peer in peers]
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(f"two detectors are called {label!r}; name them, as in NAME=SPEC")
    return peers


def _open(text, rotation):
    label, equals, spec = text.partition("=")
    if not equals or not label.isidentifier():
        label, spec = text.partition(":")[0], text
    kind, _, file = spec.partition(":")
    detector = Haar(file or None) if kind == "haar" else get_detector(spec)
    return Peer(label, detector.turned(rotation) if detector.finds_turned else detector)


class Haar(Detector):
    """OpenCV's cascade of Haar features (Viola & Jones 2004; Lienhart & Maydt 2002).

    Parameters
    ----------
    file : str or Path, optional
        A cascade file; without it, the frontal faces that come with OpenCV 4.

    Raises
    ------
    InputError
        If this OpenCV has no such cascades (as OpenCV 5), or the file is not a cascade.
    """

    STEP, NEIGHBOURS = 1.1, 3
    LONG_SIDE = 1280
    MAX_BYTES = 1 << 26

    def __init__(self, file=None):
        if not hasattr(cv2, "CascadeClassifier"):
            raise InputError(
                f"this OpenCV ({cv2.__version__}) has no CascadeClassifier, which 'haar' needs; "
                "install it with: pip install 'opencv-python<5'"
            )
        path = Path(file or Path(cv2.data.haarcascades, "haarcascade_frontalface_default.xml"))
        if not path.is_file():
            raise InputError(f"{path}: no such file; give a cascade file as haar:FILE")
        if path.stat().st_size > self.MAX_BYTES:
            raise InputError(f"{path}: larger than {self.MAX_BYTES} bytes, so no Haar cascade")
        self.cascade = cv2.CascadeClassifier(str(path))
        if self.cascade.empty():
            raise InputError(
                f"{path}: not a cascade that OpenCV can load; name an .xml file of a Haar cascade"
            )

    def search(self, image, long_side=None):
        """As `Detector.search`; the score is the margin of the last stage."""
        grey = as_grey(image)
        height, width = grey.shape
        scale = min(1.0, (long_side or self.LONG_SIDE) / max(height, width))
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        found, _, scores = self.cascade.detectMultiScale3(
            grey, self.STEP, self.NEIGHBOURS, outputRejectLevels=True
        )
        found = np.asarray(found, np.float64).reshape(-1, 4)
        boxes = np.hstack([found[:, :2], found[:, :2] + found[:, 2:]]) / scale - 0.5
        scores = np.asarray(scores, np.float32).reshape(-1)
        order = np.argsort(-scores * found[:, 2], kind="stable")
        return boxes[order].astype(np.float32), scores[order]
