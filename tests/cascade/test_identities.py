"""Who is who: motion, faces that come back, and faces that cross."""

import numpy as np
import pytest

from cascade import Alignment
from cascade.video.identities import have_swapped, returning
from cascade.video.track import Motion, distance
from cascade.video.tracking import Tracker

SIDE = 40.0
MEAN = np.random.default_rng(0).uniform(-0.4, 0.4, (68, 2)).astype(np.float32)


def box(x, y=60.0, side=SIDE):
    return np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2])


class World:
    """Faces on paths; one in front hides what lies behind it. It is detector and model at once.

    The model finds the visible face nearest to a box, as a cascade that is drawn to it.
    """

    mean_ = MEAN

    def __init__(self, *paths):
        self.paths, self.frame = paths, 0

    def visible(self):
        """Middles of the faces that are seen, the one in front first."""
        seen = []
        for path in self.paths:
            middle = path(self.frame)
            hidden = any(np.abs(np.subtract(middle, other)).max() < 0.6 * SIDE for other in seen)
            if middle is not None and not hidden:
                seen.append(middle)
        return seen

    def detect(self, grey):
        # A crop has the face that is checked in its middle.
        if grey.shape != (120, 400):
            height, width = grey.shape
            return np.array([[0.25 * width, 0.25 * height, 0.75 * width, 0.75 * height]])
        return np.array([box(*middle) for middle in self.visible()]).reshape(-1, 4)

    def align(self, grey, boxes, n_starts=None):
        shapes = []
        for each in boxes:
            at = (each[:2] + each[2:]) / 2
            near = min(self.visible(), key=lambda m: np.linalg.norm(at - m), default=None)
            far = near is None or np.linalg.norm(at - near) > 0.8 * SIDE
            # Where no face is near, landmarks that make none.
            shapes.append(MEAN[::-1] * SIDE + at if far else MEAN * SIDE + near)
        shapes = np.float32(shapes)
        return Alignment(shapes, shapes)


def follow(world, n, **options):
    """The middles of all faces by their numbers, frame by frame."""
    tracker = Tracker(world, world.detect, smooth=False, max_faces=2, check_every=5, **options)
    found = []
    for world.frame in range(n):
        tracked = tracker.update(np.zeros((120, 400), np.uint8))
        middles = (tracked.shapes - MEAN * SIDE).mean(1)
        found.append(dict(zip(tracked.ids.tolist(), middles[:, 0].round(1), strict=True)))
    return found


def line(begin, step, y=60.0):
    return lambda k: (begin + step * k, y)


@pytest.mark.parametrize("front", [0, 1])
@pytest.mark.parametrize("apart", [0.0, 12.0])
def test_faces_keep_their_numbers_when_they_cross(front, apart):
    paths = [line(60, 4), line(340, -4, 60 + apart)]
    world = World(*(paths if front == 0 else paths[::-1]))
    found = follow(world, 70)
    first, last = found[5], found[-1]
    assert sorted(first) == sorted(last) == [0, 1]
    # One of them was hidden for a while.
    assert any(len(each) == 1 for each in found)
    for number in (0, 1):
        # Who came from the left goes out to the right.
        assert (first[number] < 200) == (last[number] > 200)


def test_a_face_that_comes_back_keeps_its_number_while_it_is_remembered():
    def path(k):
        return None if 10 <= k < 20 else (100.0 + k, 60.0)

    class Hides(World):
        def visible(self):
            return [m for p in self.paths if (m := p(self.frame)) is not None]

    for memory, number in ((100, 0), (3, 1)):
        found = follow(Hides(path), 40, memory=memory)
        assert found[5] == {0: 105.0} and found[15] == {}
        assert found[-1] == {number: 139.0}


def test_motion_goes_on_where_nothing_is_seen():
    motion = Motion(box(10))
    for x in (13, 16, 19):
        motion.see(box(x))
    np.testing.assert_allclose(motion.expected(), box(19))
    for _ in range(4):
        motion.wait()
    np.testing.assert_allclose(motion.expected(), box(31))
    assert motion.waited == 4
    copy = motion.copy()
    copy.wait()
    assert (copy.waited, motion.waited) == (5, 4)
    # Seen again after a gap: the step is shared by the frames between.
    motion.see(box(34))
    motion.wait()
    np.testing.assert_allclose(motion.expected(), box(37))


class Absent:
    def __init__(self, x, waited=0):
        self.motion = Motion(box(x))
        self.motion.waited = waited


def test_the_assignment_is_the_one_with_the_least_distance():
    # The nearest face of the first box is the second one; both together want it otherwise.
    absent = [Absent(100), Absent(121)]
    assert returning([box(111), box(133)], absent) == [0, 1]
    assert returning([box(100), box(300)], absent) == [0, None]
    assert returning([box(100, side=80)], absent) == [None]  # twice the size
    assert returning([], absent) == [] and returning([box(1)], []) == [None]


def test_the_longer_a_face_was_away_the_farther_it_may_be():
    assert returning([box(140)], [Absent(100)]) == [None]
    assert returning([box(140)], [Absent(100, waited=20)]) == [0]


def test_swapped_only_where_that_is_clearly_nearer():
    assert have_swapped(box(10), box(90), box(90), box(10))
    assert not have_swapped(box(10), box(10), box(90), box(90))
    assert not have_swapped(box(50), box(48), box(50), box(52))
    assert distance(box(10), box(30)) == pytest.approx(0.5)
