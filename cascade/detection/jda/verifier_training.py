"""How the verifier is trained: on what a search of photographs finds, right and wrong."""

import numpy as np

from data_tools.boxes import iou

from ...loop.preparing import rng_for
from .faces import rolls_of, varied
from .mining import Negatives, part_of_face
from .running import Running
from .verifying import fit_verifier, plain_verifier
from .worn import worn

#: Faces and others that the verifier must have.
FEWEST_FOUND = 20
#: A box that overlaps a face by this has found it.
SURE_FACE = 0.6
#: Landmarks that are turned from a face's own by fewer degrees lie on it; by more, they do not.
SAME_TURN, OTHER_TURN = 20.0, 40.0
#: Share of the photographs that are worn before they are searched.
WORN = 0.4
#: Standard deviation of the angle by which they are turned, in degrees: a search is for turned
#: faces, too.
ROLL = 16.0
# Searches of each photograph without faces, at most: what they find repeats itself.
_MOST_SEARCHES = 12
# Searches between two reports of progress, and the smallest boxes without faces, in pixels.
_SPAN, _SMALLEST = 64, 20.0


def train_verifier(training):
    """Train the verifier of a model whose stages are trained.

    Parameters
    ----------
    training : Training

    Returns
    -------
    bool
        False where the searches found too little.
    """
    model, photos = training.model, training.photos
    empty = [image for image, box in training.negatives.items if box is None]
    empty = Negatives(empty, None, None, model.context, model.seed_ + 1)
    n_faces = len(photos) * model.searches
    n = n_faces + len(empty.items) * min(2 * model.searches, _MOST_SEARCHES)
    running, verifier = Running(model), plain_verifier(model.mean_shape_)

    def search(k):
        """Descriptors of what search k finds, and labels: 1 a face, 0 none, -1 not known."""
        rng = rng_for(model.seed_, 5, k)
        if k < n_faces:
            image, boxes, turn = varied(photos, k % len(photos), training.mean, ROLL, rng)
            smallest = 0.7 * (boxes[0, 2] - boxes[0, 0])
        else:
            image, boxes, smallest = empty.image(k - n_faces)[0], None, _SMALLEST
        if rng.random() < WORN:
            image = worn(image, rng)
        found, parts = running.candidates(image, smallest)
        if boxes is None:
            labels = np.zeros(len(found), np.int8)
        else:
            labels = np.where(part_of_face(found.boxes, boxes), 0, -1).astype(np.int8)
            there = iou(found.boxes, boxes).max(1) >= SURE_FACE
            differing = np.abs(rolls_of(found.shapes, model.mean_shape_) - turn)
            labels[there & (differing <= SAME_TURN)] = 1
            labels[there & (differing > OTHER_TURN)] = 0
        known = labels >= 0
        parts = tuple(part[known] for part in parts)
        return verifier.describe(*parts, model.mean_shape_).astype(np.float16), labels[known]

    described, labels = [], []
    for first in range(0, n, _SPAN):
        found = training.workers.map(search, range(first, min(n, first + _SPAN)))
        described += [part for part, _ in found]
        labels += [part for _, part in found]
        training.tell(first, n)
    labels = np.concatenate(labels)
    if min((labels == 1).sum(), (labels == 0).sum()) < FEWEST_FOUND:
        return False
    model.verifier_ = fit_verifier(verifier, np.concatenate(described), labels)
    return True
