"""Faces in a video: detected once, then followed from frame to frame by their landmarks.

Detection is expensive, so the detector searches the whole frame only while a face is missing, and
less often the longer none appears; it checks the surroundings of each face at intervals that grow
while the checks succeed.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from data_tools.boxes import coverage, iou
from features.errors import require_range
from features.images import as_grey

from .identities import have_swapped, returning
from .smoothing import FaceSmoother
from .track import Track, distance

# A detection with this overlap is of the face that is followed.
_SAME_FACE = 0.25
# Below this overlap the detector is believed, not the landmarks.
_DRIFTED = 0.45
# Surroundings of a face that the detector checks, in box sides; they are shrunk to a face of this
# many pixels, enough for every detector and far fewer than the frame's.
_VICINITY = 2.0
_CHECKED_SIDE = 64
# Faces whose boxes overlap hide one another from the first on; from the second on, of the smaller
# box's area, their landmarks lie on one face.
_HIDES, _ONE = 0.1, 0.6
# While no new face turns up, the whole frame is searched ever less often, up to so many times.
_RAREST = 4


@dataclass(frozen=True)
class TrackedFaces:
    """The n faces of a frame.

    Attributes
    ----------
    ids : ndarray of shape (n,), int64
        The same number in all frames for a face, also where it was away for a while.
    shapes : ndarray of shape (n, L, 2), float32
        Landmarks in pixels, smoothed if the tracker smooths.
    boxes : ndarray of shape (n, 4), float32
        The boxes that the landmarks were found in.
    visible : ndarray of shape (n, L), float32, or None
        Probability that each landmark can be seen; None from models that do not say.
    searched : bool
        Whether the detector searched the whole frame.
    raw : ndarray of shape (n, L, 2), float32, or None
        Landmarks as the model found them, before they were smoothed.
    """

    ids: np.ndarray
    shapes: np.ndarray
    boxes: np.ndarray
    visible: np.ndarray | None = None
    searched: bool = False
    raw: np.ndarray | None = None

    def __len__(self):
        return len(self.ids)


class Tracker:
    """Follows faces through the frames of a video.

    The detector finds a face; from then on the box of the next frame follows from the landmarks of
    the last one: the similarity that takes the model's mean shape to them takes its box along. A
    face is given up where its landmarks make no face or jump, and where the detector, which looks
    at its surroundings now and then, finds none there `patience` times in a row. A face that comes
    back within `memory` frames near to where its motion would have taken it keeps its number. Of
    two faces that run into one another, the one that is where its motion takes it is followed, and
    the other one is expected behind it.

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
        for more faces. Where checks succeed, or searches find nothing new, the intervals double, up
        to four times this; where one is lost, a search follows at once.
    patience : int
        Checks in a row that may fail before a face is given up. More keep faces that turn away from
        a detector of frontal faces, and keep longer what is none.
    smooth : bool
        Whether landmarks go through a `FaceSmoother`.
    rate : float
        Frames a second, for the smoother.
    n_starts : int, optional
        As in `Predictor.predict`.
    memory : int
        Frames for which a face that is lost is remembered.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    def __init__(self, model, detector, *, max_faces=1, check_every=15, patience=2, smooth=True,
                 rate=25.0, n_starts=None, memory=100):  # fmt: skip
        require_range("max_faces", max_faces, 1, 100)
        require_range("check_every", check_every, 1, 100_000)
        require_range("patience", patience, 1, 100_000)
        require_range("rate", rate, 0.1, 1000)
        require_range("memory", memory, 0, 1_000_000)
        self.model = model
        self.detector = detector
        self.max_faces = max_faces
        self.check_every = check_every
        self.patience = patience
        self.smooth = smooth
        self.rate = rate
        self.n_starts = n_starts
        self.memory = memory
        self.reset()

    def reset(self):
        """Forget all faces; the next frame is the first of another video."""
        self._tracks, self._absent = [], []
        self._next_id = self._frame = self._next_search = 0
        self._interval = self.check_every

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
        if len(self._tracks) < n_before:
            self._next_search, self._interval = self._frame, self.check_every
        searched = self._frame >= self._next_search and len(self._tracks) < self.max_faces
        if searched:
            found = self._search(grey)
            # A face that is expected back is looked for more often than one that never came.
            rarest = 1 if self._absent or not self._tracks else _RAREST
            longer = min(2 * self._interval, rarest * self.check_every)
            self._interval = self.check_every if found else longer
            self._next_search = self._frame + self._interval
        self._frame += 1
        return self._result(searched)

    def _follow(self, grey):
        """Move every face on, and give up those that are lost."""
        kept, lost = self._align(grey)
        for track in [*lost, *self._absent]:
            track.motion.wait()
            if track.met is not None:
                track.met[1].wait()
        _note_motion(kept)
        covered = self._part(kept)
        kept = [track for track in kept if track not in covered]
        unseen = [
            track
            for track in kept
            if track.check_due(self._frame) and not self._confirm(grey, track, kept)
        ]
        self._tracks = [track for track in kept if track not in unseen]
        away = [*self._absent, *lost, *covered, *unseen]
        self._absent = [track for track in away if track.motion.waited < self.memory]

    def _align(self, grey):
        """Find the landmarks of every face; the faces that are there, and those that are lost."""
        kept = [track for track in self._tracks if _inside(track.next_box, grey.shape)]
        if kept:
            boxes = np.array([track.next_box for track in kept])
            aligned = self.model.align(grey, boxes, n_starts=self.n_starts)
            for i, track in enumerate(kept):
                track.take(aligned, boxes, i, self.model.mean_)
        kept = [t for t in kept if not t.lost and _inside(t.next_box, grey.shape)]
        return kept, [track for track in self._tracks if track not in kept]

    def _part(self, tracks):
        """Those of two faces in one place that are hidden: their motion would be elsewhere."""
        hidden = []
        for i, one in enumerate(tracks):
            for other in tracks[:i]:
                if one in hidden or other in hidden:
                    continue
                if _common(one.next_box, other.next_box) <= _ONE:
                    continue
                surprises = [distance(t.next_box, t.motion.expected()) for t in (one, other)]
                # Where motion does not tell, the older one stays.
                behind, front = (other, one) if surprises[0] < surprises[1] else (one, other)
                behind.met = front, front.motion.copy()
                hidden.append(behind)
        return hidden

    def _confirm(self, grey, track, tracks):
        """Whether the detector sees the face, or saw it at one of the last checks.

        What it sees of another one of the `tracks` does not count.
        """
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
        for other in tracks:
            if other is not track:
                overlaps[iou(found, other.next_box)[:, 0] > overlaps] = 0
        best = overlaps.max(initial=0.0)
        track.checked(self._frame, best >= _SAME_FACE)
        if _SAME_FACE <= best < _DRIFTED:
            track.next_box = found[overlaps.argmax()]
        return track.unseen < self.patience

    def _search(self, grey):
        """Begin to follow faces that the detector finds and nobody follows yet; how many."""
        new = []
        for box in np.asarray(self.detector(grey), np.float64).reshape(-1, 4):
            if len(self._tracks) + len(new) == self.max_faces:
                break
            if not _inside(box, grey.shape):
                continue
            taken = [track.next_box for track in (*self._tracks, *new)]
            if any(_overlap(box, other) >= _SAME_FACE for other in taken):
                continue
            smoother = FaceSmoother() if self.smooth else None
            track = Track(box, smoother, self._frame, self.check_every)
            # Twice: the landmarks place the second box better than a detector does.
            for _ in range(2):
                if not track.lost and _inside(track.next_box, grey.shape):
                    boxes = np.array([track.next_box])
                    aligned = self.model.align(grey, boxes, n_starts=self.n_starts)
                    track.take(aligned, boxes, 0, self.model.mean_)
            if not track.lost:
                track.motion.begin(track.next_box)
                new.append(track)
        self._name(new)
        self._tracks += new
        self._tracks.sort(key=lambda track: track.id)
        return len(new)

    def _name(self, new):
        """Number new faces, those that come back as before."""
        back = returning([track.next_box for track in new], self._absent)
        absent = [None if k is None else self._absent[k] for k in back]
        self._absent = [track for track in self._absent if track not in absent]
        for track, before in zip(new, absent, strict=True):
            if before is None:
                track.id, self._next_id = self._next_id, self._next_id + 1
                continue
            track.id = before.id
            front, motion = before.met or (None, None)
            if front in self._tracks and have_swapped(
                track.next_box, before.motion.expected(), front.next_box, motion.expected()
            ):
                track.id, front.id = front.id, track.id

    def _result(self, searched):
        n, n_landmarks = len(self._tracks), len(self.model.mean_)
        raw, shapes = (np.empty((n, n_landmarks, 2), np.float32) for _ in range(2))
        for i, track in enumerate(self._tracks):
            raw[i], shapes[i] = track.shape, track.smoothed(1 / self.rate)
        visible = [track.visible for track in self._tracks]
        return TrackedFaces(
            np.array([track.id for track in self._tracks], np.int64),
            shapes,
            np.array([track.box for track in self._tracks], np.float32).reshape(-1, 4),
            None if not n or visible[0] is None else np.stack(visible),
            searched,
            raw,
        )


def _note_motion(tracks):
    """Note how faces move; those that overlap may be mistaken for one another, and only wait, and
    so do those that the detector did not find when it looked last."""
    for track in tracks:
        others = (other for other in tracks if other is not track)
        hidden = any(_overlap(track.next_box, other.next_box) > _HIDES for other in others)
        if hidden or track.unseen:
            track.motion.wait()
        else:
            track.motion.see(track.next_box)


def _overlap(box, other):
    return float(iou(box, other)[0, 0])


def _common(box, other):
    """Area that two boxes share, by that of the smaller one."""
    return float(max(coverage(box, other)[0, 0], coverage(other, box)[0, 0]))


def _inside(box, size):
    """Whether the middle of a box lies in an image of `size` (height, width)."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return bool(0 <= x < size[1] and 0 <= y < size[0] and box[2] > box[0] and box[3] > box[1])
