"""One face that is followed: where it is, how it moves, and when a detector should look at it."""

import numpy as np

from ..detection.placing import box_of, is_face

# Share of the newest step in the velocity of a face.
_NEWEST = 0.3
# A face that the detector keeps seeing is checked ever less often, up to so many times.
_RAREST = 4


class Motion:
    """Where a face was when it was last seen by itself, and how it moved then.

    Parameters
    ----------
    box : ndarray of shape (4,)

    Attributes
    ----------
    waited : int
        Frames since.
    """

    def __init__(self, box):
        self._box, self._velocity, self.waited = np.asarray(box, np.float64), None, 0

    def begin(self, box):
        """The face was found in `box`; nothing is known of its velocity."""
        self._box, self._velocity, self.waited = np.asarray(box, np.float64), None, 0

    def see(self, box):
        """The face is seen in `box` in the next frame."""
        step = (middle(box) - middle(self._box)) / (self.waited + 1)
        old = step if self._velocity is None or self.waited else self._velocity
        self._velocity = old + _NEWEST * (step - old)
        self._box, self.waited = np.asarray(box, np.float64), 0

    def wait(self):
        """A frame goes by in which the face is not seen, or only where another one hides it."""
        self.waited += 1

    def expected(self):
        """The box where the face is now if it kept its velocity: (4,)."""
        if self._velocity is None:
            return self._box
        return self._box + np.tile(self._velocity * self.waited, 2)

    def copy(self):
        """One that goes on by itself."""
        other = Motion(self._box)
        other._velocity, other.waited = self._velocity, self.waited
        return other


class Track:
    """A face between two frames.

    Parameters
    ----------
    box : ndarray of shape (4,)
        The box to look in first.
    smoother : FaceSmoother or None
    frame : int
        Number of the frame in which it was found.
    check_every : int
        Frames until the detector looks again.

    Attributes
    ----------
    id : int
        Its identity; None before it has one.
    shape : ndarray of shape (L, 2)
        Landmarks as the model found them.
    box, next_box : ndarray of shape (4,)
        The box that they were found in, and the one to look in next.
    lost : bool
        Whether they make no face.
    motion : Motion
    met : (Track, Motion) or None
        Of a face that another one hides: that one, and its motion before they met.
    """

    def __init__(self, box, smoother, frame, check_every):
        self.id = None
        self.next_box = np.asarray(box, np.float64)
        self.lost = False
        self._smoother = smoother
        self.met = None
        self.unseen = 0
        self._check_every = self._interval = check_every
        self._next_check = frame + check_every
        self.motion = Motion(self.next_box)

    def take(self, aligned, boxes, i, mean):
        """Go on to face `i` of an alignment in `boxes`, or be lost."""
        shape, self.box = aligned.shapes[i], boxes[i]
        box, misfit = box_of(shape, mean)
        self.lost = not is_face(box, misfit, boxes[i])
        self.shape, self.next_box = shape, box
        self.visible = None if aligned.visible is None else aligned.visible[i]

    def check_due(self, frame):
        """Whether the detector should look at the face in this frame."""
        return frame >= self._next_check

    def checked(self, frame, seen):
        """Note whether the detector saw the face; the more often it did, the rarer the checks."""
        self.unseen = 0 if seen else self.unseen + 1
        longer = min(2 * self._interval, _RAREST * self._check_every)
        self._interval = longer if seen else self._check_every
        self._next_check = frame + self._interval

    def smoothed(self, seconds):
        """The landmarks in pixels after the smoother."""
        return self.shape if self._smoother is None else self._smoother(self.shape, seconds)


def middle(box):
    """Centre (x, y) of a box."""
    return np.array([box[0] + box[2], box[1] + box[3]]) / 2


def distance(box, other):
    """Distance of the centres of two boxes, in sides of the larger one."""
    side = max(box[2] - box[0], other[2] - other[0], 1e-9)
    return float(np.linalg.norm(middle(box) - middle(other)) / side)
