"""Faces in a video: detected once, then followed from frame to frame by their landmarks."""

from dataclasses import dataclass

import cv2
import numpy as np

from data_tools.boxes import iou
from features.errors import require_range
from features.images import as_grey

from ..detection.placing import box_of, is_face
from .smoothing import OneEuroFilter

# A detection with this overlap is of the face that is followed.
_SAME_FACE = 0.25
# Below this overlap the detector is believed, not the landmarks.
_DRIFTED = 0.45
# Surroundings of a face that the detector checks, in box sides; they are shrunk to a face of this
# many pixels, enough for every detector and far fewer than the frame's.
_VICINITY = 2.0
_CHECKED_SIDE = 64


@dataclass(frozen=True)
class TrackedFaces:
    """The n faces of a frame.

    Attributes
    ----------
    ids : ndarray of shape (n,), int64
        The same number in all frames for a face that was not lost in between.
    shapes : ndarray of shape (n, L, 2), float32
        Landmarks in pixels, smoothed if the tracker smooths.
    boxes : ndarray of shape (n, 4), float32
        The boxes that the landmarks were found in.
    visible : ndarray of shape (n, L), float32, or None
        Probability that each landmark can be seen; None from models that do not say.
    searched : bool
        Whether the detector searched the whole frame.
    """

    ids: np.ndarray
    shapes: np.ndarray
    boxes: np.ndarray
    visible: np.ndarray | None = None
    searched: bool = False

    def __len__(self):
        return len(self.ids)


class Tracker:
    """Follows faces through the frames of a video.

    The detector finds a face; from then on the box of the next frame follows from the landmarks of
    the last one: the similarity that takes the model's mean shape to them takes its box along. A
    face is given up where its landmarks make no face or jump, and where the detector, which looks
    at its surroundings every `check_every` frames, finds none there `patience` times in a row.

    Parameters
    ----------
    model : BaseCascade
        Trained.
    detector : callable
        From a grey image (H, W) to boxes (n, 4), the surest first, as the model was trained with.
    max_faces : int
        Faces to follow at once.
    check_every : int
        Frames between checks of a face, and between searches of the whole frame while there is room
        for more faces; a search also follows when one is lost.
    patience : int
        Checks in a row that may fail before a face is given up. More keep faces that turn away from
        a detector of frontal faces, and keep longer what is none.
    smooth : bool
        Whether landmarks go through a `OneEuroFilter`.
    rate : float
        Frames a second, for the filter.
    n_starts : int, optional
        As in `Predictor.predict`.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    def __init__(self, model, detector, *, max_faces=1, check_every=15, patience=2, smooth=True,
                 rate=25.0, n_starts=None):  # fmt: skip
        require_range("max_faces", max_faces, 1, 100)
        require_range("check_every", check_every, 1, 100_000)
        require_range("patience", patience, 1, 100_000)
        require_range("rate", rate, 0.1, 1000)
        self.model = model
        self.detector = detector
        self.max_faces = max_faces
        self.check_every = check_every
        self.patience = patience
        self.smooth = smooth
        self.rate = rate
        self.n_starts = n_starts
        self.reset()

    def reset(self):
        """Forget all faces; the next frame is the first of another video."""
        self._tracks = []
        self._next_id = 0
        self._frame = 0

    def update(self, frame, color="bgr"):
        """Find the faces of the next frame.

        Parameters
        ----------
        frame : ndarray of shape (H, W), (H, W, 3) or (H, W, 4)
            As in `Predictor.predict`.
        color : {"bgr", "rgb"}

        Returns
        -------
        TrackedFaces
            In the order in which they appeared.
        """
        grey = as_grey(frame, color)
        n_before = len(self._tracks)
        self._follow(grey)
        due = self._frame % self.check_every == 0 or len(self._tracks) < n_before
        searched = due and len(self._tracks) < self.max_faces
        if searched:
            self._search(grey)
        self._frame += 1
        return self._result(searched)

    def _follow(self, grey):
        """Move every face on, and give up those that are lost."""
        tracks = [track for track in self._tracks if _inside(track.next_box, grey.shape)]
        if tracks:
            boxes = np.array([track.next_box for track in tracks])
            aligned = self.model.align(grey, boxes, n_starts=self.n_starts)
            for i, track in enumerate(tracks):
                track.take(aligned, boxes, i, self.model.mean_)
        # Of two tracks that have run into one another, the older one stays.
        kept = []
        for track in tracks:
            lost = track.lost or not _inside(track.next_box, grey.shape)
            if lost or any(_overlap(track.next_box, k.next_box) > 0.5 for k in kept):
                continue
            track.age += 1
            if track.age % self.check_every or self._confirm(grey, track):
                kept.append(track)
        self._tracks = kept

    def _confirm(self, grey, track):
        """Whether the detector sees the face, or saw it at one of the last checks."""
        left, top, right, bottom = track.next_box
        reach = (_VICINITY - 1) / 2 * (right - left)
        height, width = grey.shape
        x0, y0 = max(0, int(left - reach)), max(0, int(top - reach))
        x1, y1 = min(width, int(right + reach) + 1), min(height, int(bottom + reach) + 1)
        scale = max(1.0, (right - left) / _CHECKED_SIDE)
        size = max(1, round((x1 - x0) / scale)), max(1, round((y1 - y0) / scale))
        part = cv2.resize(grey[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
        found = np.asarray(self.detector(part), np.float64).reshape(-1, 4)
        found = found * scale + np.array([x0, y0, x0, y0])
        overlaps = iou(found, track.next_box)[:, 0]
        best = overlaps.max(initial=0.0)
        track.unseen = 0 if best >= _SAME_FACE else track.unseen + 1
        if _SAME_FACE <= best < _DRIFTED:
            track.next_box = found[overlaps.argmax()]
        return track.unseen < self.patience

    def _search(self, grey):
        """Begin to follow faces that the detector finds and nobody follows yet."""
        for box in np.asarray(self.detector(grey), np.float64).reshape(-1, 4):
            if len(self._tracks) == self.max_faces:
                return
            if not _inside(box, grey.shape):
                continue
            if any(_overlap(box, track.next_box) >= _SAME_FACE for track in self._tracks):
                continue
            track = _Track(self._next_id, box, OneEuroFilter() if self.smooth else None)
            # Twice: the landmarks place the second box better than a detector does.
            for _ in range(2):
                if not track.lost and _inside(track.next_box, grey.shape):
                    boxes = np.array([track.next_box])
                    aligned = self.model.align(grey, boxes, n_starts=self.n_starts)
                    track.take(aligned, boxes, 0, self.model.mean_)
            if not track.lost:
                self._tracks.append(track)
                self._next_id += 1

    def _result(self, searched):
        n, n_landmarks = len(self._tracks), len(self.model.mean_)
        shapes = np.empty((n, n_landmarks, 2), np.float32)
        for i, track in enumerate(self._tracks):
            shapes[i] = track.smoothed(1 / self.rate)
        visible = [track.visible for track in self._tracks]
        return TrackedFaces(
            np.array([track.id for track in self._tracks], np.int64),
            shapes,
            np.array([track.box for track in self._tracks], np.float32).reshape(-1, 4),
            None if not n or visible[0] is None else np.stack(visible),
            searched,
        )


class _Track:
    """One face that is followed."""

    def __init__(self, number, box, filter_):
        self.id = number
        self.next_box = box
        self.age = 0
        self.unseen = 0
        self.lost = False
        self._filter = filter_

    def take(self, aligned, boxes, i, mean):
        """Go on to face `i` of an alignment in `boxes`, or be lost."""
        shape, self.box = aligned.shapes[i], boxes[i]
        box, misfit = box_of(shape, mean)
        self.lost = not is_face(box, misfit, boxes[i])
        self.shape, self.next_box = shape, box
        self.visible = None if aligned.visible is None else aligned.visible[i]

    def smoothed(self, seconds):
        """The landmarks in pixels after the filter, whose unit is the side of the box."""
        if self._filter is None:
            return self.shape
        side = max(self.next_box[2] - self.next_box[0], 1.0)
        return self._filter(self.shape, seconds, unit=side)


def _overlap(box, other):
    return float(iou(box, other)[0, 0])


def _inside(box, size):
    """Whether the middle of a box lies in an image of `size` (height, width)."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return bool(0 <= x < size[1] and 0 <= y < size[0] and box[2] > box[0] and box[3] > box[1])
