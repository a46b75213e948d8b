"""Windows around the faces that are trained on: moved, turned, scaled, mirrored, blurred."""

from dataclasses import dataclass

import numpy as np

from features.geometry import to_box_frame
from features.opencv import cv2

from ..placing import box_of
from . import _window_kernels as kernels
from ._stage_kernels import HALF_CROP
from .search import turns_of
from .windows import GRID, LEAST_SIDE, grid_points

_CROP = 2 * HALF_CROP


def mean_in_boxes(faces):
    """Mean shape of faces in the frame of their boxes (L, 2) float64, made symmetric."""
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]).astype(np.float64) / 2
    sides = np.sqrt(np.prod(faces.boxes[:, 2:] - faces.boxes[:, :2], axis=1, dtype=np.float64))
    mean = np.nanmean((faces.shapes - centres[:, None]) / sides[:, None, None], axis=0)
    if faces.scheme.flip is None:
        return mean
    return (mean + mean[list(faces.scheme.flip)] * (-1, 1)) / 2


def boxes_of(shapes, mean):
    """Square boxes (n, 4) that lie to the landmarks as those of the mean shape do."""
    return np.array([box_of(shape, mean)[0] for shape in shapes]).reshape(-1, 4)


def rolls_of(shapes, mean):
    """By how many degrees each face is turned in the plane."""
    from features.geometry import similarity

    linear, _ = similarity(mean[None], shapes)
    return turns_of(linear)


@dataclass
class Windows:
    """Windows that training looks at.

    Attributes
    ----------
    patches : ndarray of shape (P, N), uint8
        Their pixels on the grid of the first part.
    crops : ndarray of shape (N, 128, 128), uint8
        Their surroundings at the level that the stages read.
    placements : ndarray of shape (N, 3), float32
        The box frame in each crop.
    truth : ndarray of shape (N, L, 2), float32, or None
        Landmarks in the box frame.
    origin : ndarray of shape (N, 5), int64, or None
        Where `Negatives` found each.
    """

    patches: np.ndarray
    crops: np.ndarray
    placements: np.ndarray
    truth: np.ndarray | None = None
    origin: np.ndarray | None = None

    def __len__(self):
        return len(self.crops)

    def subset(self, rows):
        """The windows `rows`, an index or a mask."""
        truth, origin = (None if a is None else a[rows] for a in (self.truth, self.origin))
        return Windows(
            self.patches[:, rows], self.crops[rows], self.placements[rows], truth, origin
        )

    @classmethod
    def concatenate(cls, parts):
        """The windows of several; none of them has landmarks."""
        names = ("patches", 1), ("crops", 0), ("placements", 0), ("origin", 0)
        return cls(**{name: np.concatenate([getattr(p, name) for p in parts], axis)
                      for name, axis in names})  # fmt: skip


@dataclass
class Jitter:
    """How far windows of faces differ from the faces' boxes.

    Parameters
    ----------
    copies : int
        Windows a face, half of them mirrored.
    shift : float
        Largest shift along each axis, in box sides.
    zoom : float
        Largest change of the logarithm of the side.
    roll, most_roll : float
        Standard deviation of the turn in the plane, in degrees, and the largest that is left.
    coarse : float
        Share of windows that are read from a coarser image.
    noise : float
        Largest standard deviation of the noise, in grey levels, of a quarter of the windows.
    light : float
        Largest change of contrast and brightness, as a share of the range.
    side : float
        Standard deviation of the logarithm of how much brighter a side of half of the windows is.
    stretch : float
        Largest change of the logarithm of width over height.
    """

    copies: int = 12
    shift: float = 0.06
    zoom: float = 0.1
    roll: float = 12.0
    most_roll: float = 30.0
    coarse: float = 0.25
    noise: float = 8.0
    light: float = 0.15
    side: float = 0.3
    stretch: float = 0.08


def render(faces, mean, context, jitter, rng):
    """Windows of faces.

    Parameters
    ----------
    faces : FaceDataset
    mean : ndarray of shape (L, 2)
        Mean shape in the box frame.
    context : float
        Side of a window in sides of the box.
    jitter : Jitter
    rng : numpy.random.Generator

    Returns
    -------
    windows : Windows
    index : ndarray of shape (N,), intp
        Face of each.
    """
    boxes, rolls = boxes_of(faces.shapes, mean), rolls_of(faces.shapes, mean)
    flip = None if faces.scheme.flip is None else list(faces.scheme.flip)
    n = len(faces) * jitter.copies
    patches = np.empty((GRID**2, n), np.uint8)
    crops = np.empty((n, _CROP, _CROP), np.uint8)
    placements = np.empty((n, 3), np.float32)
    truth = np.empty((n, *mean.shape), np.float32)
    grid, at = grid_points(), 0
    for k, (box, roll) in enumerate(zip(boxes, rolls, strict=True)):
        levels, shape = halves(faces.image(k)), faces.shapes[k].astype(np.float64)
        centre, side = (box[:2] + box[2:]) / 2, box[2] - box[0]
        for copy in range(jitter.copies):
            mirrored = flip is not None and copy % 2
            own = -roll if mirrored else roll
            turn = np.clip(own + rng.normal(0, jitter.roll), -jitter.most_roll, jitter.most_roll)
            turn = np.radians(turn - own)
            # The window in the crop: at the finer of two levels, or small and at the only one.
            small = rng.random() < 0.15
            window = LEAST_SIDE * 2 ** (rng.random() + (0 if small else 1))
            middle = HALF_CROP + (0.0 if small else 0.5)
            seen = side * np.exp(rng.uniform(-jitter.zoom, jitter.zoom))
            shift = rng.uniform(-jitter.shift, jitter.shift, 2) * side
            # From the photograph to the crop: a similarity, after a mirror.
            scale = window / context / seen
            a, b = scale * np.cos(turn), scale * np.sin(turn)
            stretch = np.exp(rng.uniform(-jitter.stretch, jitter.stretch) / 2)
            linear = np.array([[a, -b], [b, a]]) @ np.diag([stretch, 1 / stretch])
            if mirrored:
                linear = linear @ np.diag([-1.0, 1.0])
            offset = middle - linear @ (centre + shift)
            coarse = rng.random() < jitter.coarse
            crop = _warp(levels, linear, offset, scale * (0.5 if coarse else 1.0))
            crops[at] = _lit(crop, jitter, rng)
            placements[at] = middle, middle, window / context
            there = shape @ linear.T + offset
            truth[at] = to_box_frame((there[flip] if mirrored else there)[None],
                                     placements[at][None])[0]  # fmt: skip
            _patch(crops[at], middle, window, small, grid, patches[:, at : at + 1])
            at += 1
    index = np.repeat(np.arange(len(faces)), jitter.copies)
    return Windows(patches, crops, placements, truth), index


def varied(faces, k, mean, roll, rng):
    """The photograph of face k turned, mirrored, and so small that the face is 18 to 96 pixels.

    Returns
    -------
    image : ndarray of shape (H, W), uint8
    boxes : ndarray of shape (1, 4)
    turn : float
        By how many degrees the face is turned there.
    """
    image, shape = faces.image(k), faces.shapes[k].astype(np.float64)
    square = boxes_of(shape[None], mean)[0]
    scale = min(1.0, 18 * (96 / 18) ** rng.random() / (square[2] - square[0]))
    turn = np.radians(rng.normal(0, roll))
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[a, -b], [b, a]])
    if faces.scheme.flip is not None and rng.random() < 0.5:
        linear = linear @ np.diag([-1.0, 1.0])
        shape = shape[list(faces.scheme.flip)]
    height, width = image.shape
    size = max(32, round(scale * width)), max(32, round(scale * height))
    offset = (np.array(size) - 1) / 2 - linear @ ((np.array([width, height]) - 1) / 2)
    there = (shape @ linear.T + offset)[None]
    image = _warp(halves(image), linear, offset, scale, size)
    return image, boxes_of(there, mean), float(rolls_of(there, mean)[0])


def halves(image):
    """An image, its half, the half of that, down to 32 pixels."""
    levels = [image]
    while min(levels[-1].shape) >= 64:
        height, width = levels[-1].shape
        table = np.zeros((2, 4), np.int64)
        stride = width // 2 + 2 * kernels.PAD
        table[1] = kernels.PAD * (stride + 1), stride, height // 2, width // 2
        pixels = np.empty(stride * (height // 2 + 2 * kernels.PAD), np.uint8)
        kernels.fill_levels(levels[-1], pixels, table)
        whole = pixels.reshape(-1, stride)
        levels.append(np.ascontiguousarray(whole[kernels.PAD : -kernels.PAD,
                                                 kernels.PAD : -kernels.PAD]))  # fmt: skip
    return levels


def _warp(levels, linear, offset, scale, size=(_CROP, _CROP)):
    """A crop, read from the level that is at most twice as fine as `scale` asks for."""
    level = min(len(levels) - 1, max(0, int(np.floor(-np.log2(scale)))))
    # Pixel centres: x of the photograph is (x + 0.5) / 2**level - 0.5 of the level.
    zoom = 2.0**level
    move = np.column_stack([linear * zoom, offset + linear @ np.full(2, (zoom - 1) / 2)])
    return cv2.warpAffine(levels[level], move, size, flags=cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)  # fmt: skip


def _lit(crop, jitter, rng):
    """The crop under other light, and with noise."""
    gain = 1 + rng.uniform(-jitter.light, jitter.light)
    lift = rng.uniform(-jitter.light, jitter.light) * 128
    image = crop.astype(np.float32)
    image = (image - 128) * gain + 128 + lift * (rng.random() < 0.5)
    if rng.random() < 0.5:  # a light from the side
        line = np.linspace(-1, 1, _CROP, dtype=np.float32)
        across, down = rng.normal(0, jitter.side, 2)
        image *= np.exp(across * line[None] + down * line[:, None])
    if rng.random() < 0.25:
        image += rng.normal(0, rng.uniform(0, jitter.noise), image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _patch(crop, middle, window, small, grid, out):
    """Read the grid of a window that lies in the middle of a crop."""
    table = np.zeros((1, 2, 4), np.int64)
    side, level = _CROP, 0 if small else 1
    side >>= level
    stride = side + 2 * kernels.PAD
    table[0, level] = kernels.PAD * (stride + 1), stride, side, side
    pixels = np.empty(stride * stride, np.uint8)
    kernels.fill_levels(crop, pixels, table[0])
    place = np.array([[side // 2, side // 2, window / 2**level, 1, 0]], np.float32)
    kernels.read_patches(pixels, table, np.zeros(1, np.int32), np.full(1, level, np.int32), place,
                         grid, 0, 1, out)  # fmt: skip
