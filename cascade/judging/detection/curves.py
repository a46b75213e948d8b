"""Recall against wrong boxes per image, and average precision."""

from dataclasses import dataclass

import numpy as np

from .matching import RIGHT, WRONG


@dataclass(frozen=True)
class Curve:
    """Results of a detector for falling thresholds: the discrete curve of FDDB.

    A face counts as found or not found (Jain & Learned-Miller 2010), however well the box fits. The
    last point belongs to the detector's own threshold.

    Attributes
    ----------
    thresholds : ndarray of shape (k,), float64
        Scores, descending: each point holds the boxes with this score or a higher one.
    right, wrong : ndarray of shape (k,), int64
        Numbers of faces found, and of boxes without a face.
    n_faces, n_images : int
    """

    thresholds: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    n_faces: int
    n_images: int

    @property
    def recall(self):
        """Share of the faces found at each point: (k,), NaN if there are no faces."""
        return self.right / self.n_faces if self.n_faces else np.full(len(self.right), np.nan)

    @property
    def wrong_per_image(self):
        """Wrong boxes an image at each point: (k,)."""
        return self.wrong / max(self.n_images, 1)

    @property
    def precision(self):
        """Share of the boxes at each point that are of a face: (k,)."""
        return self.right / np.maximum(self.right + self.wrong, 1)

    @property
    def average_precision(self):
        """Average precision, where faces that are not found count 0; NaN if there are no faces.

        The sum over the points of precision times the gain in recall, without interpolation: what
        `sklearn.metrics.average_precision_score` computes of the boxes, times the share of the
        faces that are found at all.
        """
        if not self.n_faces:
            return float("nan")
        gain = np.diff(self.recall, prepend=0.0)
        return float((self.precision * gain).sum())

    def recall_at(self, wrong_per_image):
        """Highest recall with at most this many wrong boxes per image.

        Returns
        -------
        float
            0 if even the highest threshold has more; NaN if there are no faces.
        """
        if not self.n_faces:
            return float("nan")
        allowed = self.wrong_per_image <= wrong_per_image
        return float(self.recall[allowed].max(initial=0.0))


def curve(scores, verdicts, n_faces, n_images):
    """The curve of the boxes of many photographs.

    Parameters
    ----------
    scores : array_like of shape (n,)
        Of the boxes of all photographs.
    verdicts : array_like of shape (n,)
        As in `Matching`; those that do not count are left out.
    n_faces, n_images : int

    Returns
    -------
    Curve

    Examples
    --------
    >>> found = curve([5.0, 4.0, 4.0, 1.0], [1, 0, 1, 1], n_faces=4, n_images=2)
    >>> found.recall.tolist(), found.wrong_per_image.tolist()
    ([0.25, 0.5, 0.75], [0.0, 0.5, 0.5])
    >>> found.average_precision, found.recall_at(0.2)
    (0.6041666666666666, 0.25)
    """
    scores, verdicts = np.asarray(scores, np.float64), np.asarray(verdicts)
    counted = (verdicts == RIGHT) | (verdicts == WRONG)
    scores, verdicts = scores[counted], verdicts[counted]
    order = np.argsort(-scores, kind="stable")
    scores, verdicts = scores[order], verdicts[order]
    # Boxes of one score are let in together.
    last = np.flatnonzero(np.append(np.diff(scores) != 0, True)) if len(scores) else []
    last = np.asarray(last, np.int64)
    right = np.cumsum(verdicts == RIGHT, dtype=np.int64)[last]
    wrong = np.cumsum(verdicts == WRONG, dtype=np.int64)[last]
    return Curve(scores[last], right, wrong, int(n_faces), int(n_images))


def wrong_elsewhere(on_faces, empty):
    """Wrong boxes per image on photographs without faces, at the thresholds of a curve.

    Parameters
    ----------
    on_faces : Curve
    empty : Curve
        Of photographs without faces.

    Returns
    -------
    ndarray of shape (k,), float64
        Wrong boxes an image on them at each threshold of `on_faces`.
    """
    places = np.searchsorted(-empty.thresholds, -on_faces.thresholds, side="right")
    return np.append(0, empty.wrong)[places] / max(empty.n_images, 1)
