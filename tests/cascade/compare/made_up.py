"""Models of which the answer is known, for comparing."""

import numpy as np

from cascade.judging.compare.specs import Model


def model(label, answer, points=68, **facts):
    """A model that answers with `answer(image, box)`."""

    class Find:
        n_bytes, seen, about = 1_500_000, "", "made up"

        def __call__(self, image, box):
            return answer(image, box)

    find = Find()
    find.points = points
    for name, value in facts.items():
        setattr(find, name, value)
    return Model(label, label, find, 0.5)


def shifted(faces, offset):
    """An `answer` that gives the truth, moved by `offset` pixels."""
    return lambda image, box: faces.shapes[index_of(faces, box)] + np.float32(offset)


def index_of(faces, box):
    """Which of the faces has that box."""
    return int(np.argmax((faces.boxes == box).all(1)))
