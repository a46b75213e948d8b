"""dlib's shape predictor (Kazemi & Sullivan 2014; King 2009), from its .dat files."""

import numpy as np

from features.errors import InputError

from ..specs import needed

# What is publicly known of the files that everyone downloads.
_PUBLIC = {
    "shape_predictor_68_face_landmarks": "trained on all of 300-W, its test sets included",
    "shape_predictor_5_face_landmarks": "trained on dlib's own 5-point faces; overlap not stated",
}


def load(spec):
    """The predictor in the spec's file."""
    path = spec.file()
    dlib = needed("dlib", "pip install dlib-bin", "dlib:FILE")
    reference = spec.check()
    try:
        predictor = dlib.shape_predictor(str(path))
    except RuntimeError as error:
        raise InputError(f"{path}: not a shape predictor of dlib ({error})") from error
    return _Dlib(dlib, predictor, path, reference)


class _Dlib:
    about = "dlib's ensemble of regression trees"

    def __init__(self, dlib, predictor, path, reference):
        self.reference = reference
        self.predictor, self.rectangle = predictor, dlib.rectangle
        self.n_bytes = path.stat().st_size
        self.seen = next((text for name, text in _PUBLIC.items() if path.stem.startswith(name)), "")
        # A predictor does not tell its number of points before it has predicted.
        blank = np.zeros((16, 16), np.uint8)
        self.points = predictor(blank, dlib.rectangle(0, 0, 15, 15)).num_parts

    def __call__(self, image, box):
        # Both corners belong to a rectangle of dlib.
        rectangle = self.rectangle(*(round(float(edge)) for edge in box))
        return [(point.x, point.y) for point in self.predictor(image, rectangle).parts()]
