"""OpenCV's facemarks: LBF (Ren et al. 2014) and Kazemi's trees, of the contrib modules."""

import cv2
import numpy as np

from features.errors import InputError

from ..specs import CHECKED_BY

_INSTALL = "pip uninstall opencv-python opencv-contrib-python && pip install opencv-contrib-python"
_MAKERS = {"opencv-lbf": "createFacemarkLBF", "opencv-kazemi": "createFacemarkKazemi"}
_PUBLIC = {
    "lbfmodel": "OpenCV's public model; its training faces are not stated and may include these",
    "face_landmark_model": "OpenCV's public model, trained on HELEN; may include these faces",
}


def load(spec):
    """The facemark of the spec's kind with the model in its file."""
    path = spec.file()
    make = getattr(getattr(cv2, "face", None), _MAKERS[spec.kind], None)
    if make is None:
        raise InputError(
            f"{spec.kind}:FILE needs the contrib modules of OpenCV, which take the place of the "
            f"plain package; install them with: {_INSTALL}"
        )
    reference = spec.check() if spec.kind in CHECKED_BY else None
    facemark = make()
    try:
        facemark.loadModel(str(path))
    except (cv2.error, RuntimeError, MemoryError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else "damaged"
        raise InputError(f"{path}: not a model of {spec.kind} ({first})") from error
    return _Facemark(facemark, path, spec.kind, reference)


class _Facemark:
    points = 68

    def __init__(self, facemark, path, kind, reference):
        self.facemark, self.reference = facemark, reference
        # It takes every image for one of three channels, and reads beyond the end of a grey one.
        self.needs_colour = kind == "opencv-kazemi"
        self.n_bytes = path.stat().st_size
        self.about = f"OpenCV's facemark, {kind.removeprefix('opencv-')}"
        self.seen = next((text for name, text in _PUBLIC.items() if path.stem.startswith(name)), "")

    def __call__(self, image, box):
        left, top, right, bottom = (round(float(edge)) for edge in box)
        if not _sees_pixels(image, left, top, right, bottom):
            return None
        faces = np.array([[left, top, right - left, bottom - top]], np.int32)
        if self.needs_colour:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        found, shapes = self.facemark.fit(image, faces)
        return np.asarray(shapes[0], np.float64).reshape(-1, 2) if found else None


def _sees_pixels(image, left, top, right, bottom):
    """Whether the box and half a box around it reach into the image; without a pixel there, the
    facemarks read memory that is not theirs."""
    height, width = image.shape[:2]
    across, down = (right - left) // 2, (bottom - top) // 2
    columns = min(width - 1, right + across) - max(0, left - across)
    rows = min(height - 1, bottom + down) - max(0, top - down)
    return left < right and top < bottom and columns > 0 and rows > 0
