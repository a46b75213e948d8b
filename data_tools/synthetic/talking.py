"""A drawn head that rests, sways, shakes and talks: a video with known landmarks."""

import numpy as np

from features.errors import require_count, require_range
from features.opencv import cv2

from .camera import expose
from .clutter import background
from .drawing import Canvas
from .functions import smoothstep
from .head import Head, rotation
from .portrait import Portrait

#: What the head does, in this order, and for how many seconds.
PHASES = (("still", 3.0), ("slow", 4.0), ("fast", 3.0), ("talk", 3.0))
# Amplitudes of a motion in and about the image: shares of the face's width, then degrees of yaw,
# pitch and roll; frequencies in Hz, none a multiple of another.
_SLOW = {"size": (0.35, 0.15), "turn": (14.0, 5.0, 6.0), "hertz": (0.31, 0.23, 0.27, 0.19, 0.37)}
_FAST = {"size": (0.45, 0.20), "turn": (10.0, 6.0, 8.0), "hertz": (1.10, 1.70, 0.90, 1.30, 1.50)}
# Seconds in which a phase fades in and out; the mouth in Hz; blinks in seconds into the phase, each
# with the time from open to shut.
_FADE, _MOUTH, _BLINKS, _BLINK = 0.4, 2.6, (0.7, 1.9), 0.12
_FACE = 0.42  # width of the face, as a share of the height of the frames


class TalkingHead:
    """A video of one drawn head, frame by frame; an iterable of frames (H, W, 3), uint8, BGR.

    The head rests, sways slowly, moves fast, and then talks and blinks while it rests. Person,
    light and camera do not change; the camera noise is new in each frame. Frames can be made in any
    order.

    Parameters
    ----------
    seed : int
        Another seed draws another person before another background.
    size : (int, int)
        Width and height of the frames, 64 to 2048 pixels; the width not below the height.
    rate : float
        Frames a second.
    noise : float
        Standard deviation of the camera's noise in grey levels.

    Attributes
    ----------
    shapes : ndarray of shape (n, 68, 2), float32
        Landmarks in pixels of each frame.
    phases : ndarray of shape (n,), str
        What the head does, see `PHASES`.
    n_frames : int
    scheme : str
        Name of the landmark scheme.

    Raises
    ------
    InputError
        If an argument is out of its range.

    Examples
    --------
    >>> video = TalkingHead(seed=1, size=(96, 64), rate=5)
    >>> video.n_frames, video.shapes.shape, video.frame(3).shape
    (65, (65, 68, 2), (64, 96, 3))
    >>> bool(np.abs(video.shapes[14] - video.shapes[0]).max() < 0.05)  # still for three seconds
    True
    """

    scheme = "face68"

    def __init__(self, seed=0, size=(640, 480), rate=25.0, noise=2.0):
        require_count("seed", seed, 0, 1 << 62)
        require_range("rate", rate, 1, 1000)
        require_range("noise", noise, 0, 50)
        width, height = size
        require_count("height", height, 64, 2048)
        require_count("width", width, height, 2048)
        self.size, self.rate, self._noise, self._seed = (width, height), float(rate), noise, seed
        lengths = [round(seconds * rate) for _, seconds in PHASES]
        self.phases = np.repeat([name for name, _ in PHASES], lengths)
        self.n_frames = len(self.phases)
        paint_seed, head_seed, ground_seed, self._noise_seed = np.random.SeedSequence(seed).spawn(4)
        self._paint_seed, self._head_seed = paint_seed, head_seed
        ground = background(np.random.default_rng(ground_seed), width)
        top = (width - height) // 2
        self._ground = np.ascontiguousarray(ground[top : top + height])
        self._motion = _motion(self.n_frames, rate, lengths)
        self._unit = _FACE * height
        self.shapes = np.stack([self._pose(i)[1] for i in range(self.n_frames)])

    def __len__(self):
        return self.n_frames

    def __iter__(self):
        return (self.frame(i) for i in range(self.n_frames))

    def _pose(self, i):
        """The head in frame i, its landmarks in the image and in its own frame, and its middle."""
        head, moves = Head(np.random.default_rng(self._head_seed)), self._motion
        head.yaw, head.pitch, head.roll = moves["turn"][i]
        head.rotation = rotation(head.yaw, head.pitch, head.roll)
        head.smile, head.open = 0.1, moves["open"][i]
        head.closed = np.maximum(0.1, moves["closed"][i]) * np.ones(2)
        landmarks = head.landmarks()
        middle = np.array(self.size) / 2 - 0.5
        centre = middle + self._unit * (moves["place"][i] + (0, 0.05))
        return head, (centre + self._unit * landmarks[:, :2]).astype(np.float32), landmarks, centre

    def frame(self, i):
        """Frame `i`, (H, W, 3), uint8."""
        head, _, landmarks, centre = self._pose(i)
        # The same draws for each frame: the same person, light and camera.
        rng = np.random.default_rng(self._paint_seed)
        canvas = Canvas(self._ground.copy())
        Portrait(rng, head, landmarks, centre, self._unit).paint(canvas)
        image = expose(np.random.default_rng(self._paint_seed), canvas.pixels, noise=0.0)
        noise = np.random.default_rng([self._seed, i]).normal(0, 1, image.shape)
        image = np.rint(np.clip(image + self._noise * noise, 0, 255)).astype(np.uint8)
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)


def _motion(n, rate, lengths):
    """Where the head is, how it is turned (radians), its mouth and eyes, frame by frame."""
    seconds = np.arange(n) / rate
    ends = np.cumsum(lengths) / rate
    spans = dict(zip([name for name, _ in PHASES], zip(ends - np.array(lengths) / rate, ends,
                 strict=True), strict=True))  # fmt: skip
    place, turn = np.zeros((n, 2)), np.zeros((n, 3))
    for name, sway in (("slow", _SLOW), ("fast", _FAST)):
        share = _fade(seconds, *spans[name])
        waves = np.sin(2 * np.pi * np.outer(seconds - spans[name][0], sway["hertz"]))
        place += share[:, None] * waves[:, :2] * sway["size"]
        turn += share[:, None] * waves[:, 2:] * np.deg2rad(sway["turn"])
    since = seconds - spans["talk"][0]
    talks = _fade(seconds, *spans["talk"])
    lips = talks * np.abs(np.sin(np.pi * _MOUTH * since)) * (0.6 + 0.4 * np.sin(1.7 * since))
    lids = np.max([np.clip(1 - np.abs(since - at) / _BLINK, 0, 1) for at in _BLINKS], axis=0)
    return {"place": place, "turn": turn, "open": 0.14 * lips, "closed": 0.95 * lids}


def _fade(seconds, begin, end):
    """Rises from 0 to 1 and falls again inside a phase."""
    return smoothstep((seconds - begin) / _FADE) * smoothstep((end - seconds) / _FADE)
