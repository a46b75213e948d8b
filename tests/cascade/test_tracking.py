"""Following faces: boxes from landmarks, loss and return, several faces."""

import cv2
import numpy as np
import pytest

from cascade import ERT, Alignment, Starts
from cascade.detection.placing import box_of
from cascade.video.tracking import Tracker
from data_tools.boxes import iou
from data_tools.metrics import nme
from features.errors import InputError

SIZE = (240, 180)


class Movie:
    """A drawn face that wanders, grows and nods over a plain ground: frames, truth and boxes."""

    def __init__(self, faces, index, n=24, centre=(120, 90), amplitude=20, scale=0.6):
        image, shape, box = faces.image(index), faces.shapes[index], faces.boxes[index]
        middle = (box[:2] + box[2:]) / 2
        self.frames, self.shapes, self.boxes = [], [], []
        for k in range(n):
            phase = 2 * np.pi * k / 24
            size = scale * (1 + 0.15 * np.sin(phase))
            angle = 0.1 * np.sin(2 * phase)
            turn = size * np.array(
                [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
            )
            to = np.array(centre) + amplitude * np.array([np.sin(phase), np.cos(phase)])
            self.shapes.append(((shape - middle) @ turn.T + to).astype(np.float32))
            half = size * (box[2:] - box[:2]) / 2
            self.boxes.append(np.concatenate([to - half, to + half]))
            move = np.column_stack([turn, to - turn @ middle])
            self.frames.append(cv2.warpAffine(image, move, SIZE, borderValue=128))


class Detector:
    """Knows where the faces are; what it is asked is counted.

    A crop is told from a whole frame by its size, and gets the boxes that `crop` holds.
    """

    def __init__(self):
        self.boxes, self.crop = np.zeros((0, 4)), None
        self.n_frames = self.n_crops = 0

    def __call__(self, grey):
        if grey.shape == SIZE[::-1]:
            self.n_frames += 1
            return self.boxes
        self.n_crops += 1
        height, width = grey.shape
        here = np.array([[0.25 * width, 0.25 * height, 0.75 * width, 0.75 * height]])
        return here if self.crop is None else self.crop


@pytest.fixture(scope="module")
def follower(synthetic):
    """A cascade that puts right large errors of the box on faces it knows."""
    return ERT(
        n_stages=5, n_trees=60, n_points=120, starts=Starts(n=10, shift=1.5, scale=1.5),
        smallest_leaf=5, random_state=0,
    ).fit(synthetic.subset(slice(30)))  # fmt: skip


@pytest.fixture
def movie(synthetic):
    return Movie(synthetic, 4)


def test_box_of_undoes_a_placement():
    rng = np.random.default_rng(0)
    mean = rng.normal(0, 0.2, (68, 2)).astype(np.float32)
    box, misfit = box_of(50 * mean + [70, 80], mean)
    np.testing.assert_allclose(box, [45, 55, 95, 105], atol=1e-3)
    assert misfit < 1e-5
    # In a turned face the box frame's origin turns with it, and the side stays.
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    box, misfit = box_of(50 * mean @ turn.T + [70, 80], mean)
    np.testing.assert_allclose(box, [45, 55, 95, 105], atol=1e-3)
    # Noise of one pixel each way in x and y is sqrt(2) / 50, but for what the fit takes.
    noisy = 50 * mean + [70, 80] + rng.choice([-1, 1], (68, 2))
    assert box_of(noisy, mean)[1] == pytest.approx(2**0.5 / 50, rel=0.1)


def test_follows_a_moving_face_with_one_detection(follower, movie, synthetic):
    detector = Detector()
    detector.boxes = movie.boxes[0][None]
    tracker = Tracker(follower, detector, check_every=100, smooth=False)
    found = [tracker.update(frame) for frame in movie.frames]
    assert (detector.n_frames, detector.n_crops) == (1, 0)
    assert [tracked.searched for tracked in found] == [True] + 23 * [False]
    assert {tuple(tracked.ids) for tracked in found} == {(0,)}
    shapes = np.concatenate([tracked.shapes for tracked in found])
    ours = nme(shapes, np.stack(movie.shapes), synthetic.scheme)
    # A box that stays where the face was at first is what following replaces.
    still = [follower.predict(frame, movie.boxes[0]) for frame in movie.frames]
    left_behind = nme(np.stack(still), np.stack(movie.shapes), synthetic.scheme)
    assert ours.mean() < 0.5 * left_behind.mean()
    assert ours.max() < 0.5 * left_behind.max()
    # The face moves by more than its box within the film.
    assert iou(movie.boxes[0], movie.boxes[12])[0, 0] < 0.5


def test_smoothing_stays_near(follower, movie):
    found = []
    for smooth in (False, True):
        detector = Detector()
        detector.boxes = movie.boxes[0][None]
        tracker = Tracker(follower, detector, check_every=100, smooth=smooth)
        found.append(np.concatenate([tracker.update(frame).shapes for frame in movie.frames]))
    distance = np.linalg.norm(found[0] - found[1], axis=-1).mean()
    assert 0 < distance < 4
    raw, smooth = (np.abs(np.diff(shapes, n=2, axis=0)).mean() for shapes in found)
    assert smooth < raw


@pytest.mark.parametrize("memory", [0, 50])
def test_checks_give_up_what_is_no_face_and_find_it_again(follower, movie, memory):
    detector = Detector()
    detector.boxes = movie.boxes[0][None]
    tracker = Tracker(follower, detector, check_every=4, patience=2, memory=memory)
    blank = np.full(SIZE[::-1], 128, np.uint8)
    assert all(len(tracker.update(frame)) == 1 for frame in movie.frames[:6])
    assert detector.n_crops == 1
    detector.boxes, detector.crop = np.zeros((0, 4)), np.zeros((0, 4))
    counts = [len(tracker.update(blank)) for _ in range(16)]
    assert counts[0] == 1 or detector.n_crops == 1  # lost by its shape, or at the second check
    assert counts[-1] == 0 and sorted(counts, reverse=True) == counts
    detector.boxes, detector.crop = movie.boxes[0][None], None
    n_before = detector.n_frames
    found = [tracker.update(movie.frames[0]) for _ in range(5)]
    # Who comes back to the same place soon has the same number.
    assert found[-1].ids.tolist() == [0 if memory else 1]
    assert detector.n_frames - n_before <= 2  # not at every frame


def test_a_crop_is_shrunk_to_what_a_detector_needs(follower, synthetic):
    big = np.kron(synthetic.image(4), np.ones((3, 3), np.uint8))
    sizes = []

    def detector(grey):
        sizes.append(grey.shape)
        return 3 * synthetic.boxes[4][None] + 1

    tracker = Tracker(follower, detector, check_every=1, patience=9)
    for _ in range(3):
        tracker.update(big)
    assert sizes[0] == big.shape and all(max(size) <= 140 for size in sizes[1:])


def test_a_check_puts_right_a_track_that_drifted(follower, movie):
    detector = Detector()
    detector.boxes = movie.boxes[0][None]
    tracker = Tracker(follower, detector, check_every=1, smooth=False)
    tracker.update(movie.frames[0])
    left, top, right, bottom = tracker._tracks[0].next_box
    side = right - left
    # In the crop, whose middle the track is: a third of a side off in x and y.
    detector.crop = np.array([[0.42, 0.42, 0.92, 0.92]]) * 128 * min(1, side / 64)
    tracker.update(movie.frames[0])
    moved = tracker._tracks[0].next_box - (left, top, right, bottom)
    np.testing.assert_allclose(moved[:2], 0.34 * side, atol=0.08 * side)


def test_two_faces_keep_their_numbers(follower, synthetic):
    left = Movie(synthetic, 4, centre=(60, 90), amplitude=8, scale=0.5)
    right = Movie(synthetic, 7, centre=(180, 90), amplitude=8, scale=0.5)
    frames = [
        np.hstack([a[:, :120], b[:, 120:]]) for a, b in zip(left.frames, right.frames, strict=True)
    ]
    detector = Detector()
    detector.boxes = np.stack([right.boxes[0], left.boxes[0]])
    tracker = Tracker(follower, detector, max_faces=3, check_every=6, smooth=False)
    for k, frame in enumerate(frames):
        detector.boxes = np.stack([right.boxes[k], left.boxes[k]])
        found = tracker.update(frame)
        assert found.ids.tolist() == [0, 1]
        centres = found.shapes.mean(1)[:, 0]
        assert centres[0] > 120 > centres[1]
    # There is room for a third: searched at 0, 6 and, since none turned up, only at 18.
    assert detector.n_frames == 3


def test_more_detections_than_room(follower, movie):
    detector = Detector()
    detector.boxes = np.stack([movie.boxes[0], movie.boxes[0] + 1, [-500, -500, -400, -400]])
    tracker = Tracker(follower, detector, max_faces=5)
    assert len(tracker.update(movie.frames[0])) == 1
    tracker.reset()
    assert tracker.update(movie.frames[0]).ids.tolist() == [0]


def test_colour_and_visibility(synthetic, movie):
    class Known:
        """Says where the truth is."""

        def __init__(self, mean):
            self.mean_ = mean

        def align(self, grey, boxes, n_starts=None):
            assert grey.ndim == 2
            shapes = np.repeat(np.stack(movie.shapes)[:1], len(boxes), 0)
            return Alignment(shapes, shapes, visible=np.full(shapes.shape[:2], 0.25, np.float32))

    box = movie.boxes[0]
    side = np.sqrt(np.prod(box[2:] - box[:2]))
    mean = (movie.shapes[0] - (box[:2] + box[2:]) / 2) / side
    tracker = Tracker(Known(mean), lambda grey: box[None])
    found = tracker.update(cv2.cvtColor(movie.frames[0], cv2.COLOR_GRAY2BGR))
    np.testing.assert_allclose(found.shapes[0], movie.shapes[0], atol=1e-4)
    assert found.visible.shape == (1, 68) and (found.visible == 0.25).all()


@pytest.mark.parametrize("wrong", [{"max_faces": 0}, {"check_every": 0}, {"rate": float("nan")}])
def test_wrong_numbers(follower, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Tracker(follower, Detector(), **wrong)
