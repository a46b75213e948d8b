"""Dense correspondence, as by DenseReg (Güler et al. 2017, "DenseReg: fully convolutional dense
shape regression in-the-wild"): each pixel says where on an unwrapped face it lies."""

import numpy as np

from features.errors import require_range

from .maps import channels_first
from .tables import take_places

# Half the side of the square of pixels that the place between pixels is read from.
_REACH = 2
_MAX_BINS = 1000


class DenseUv:
    """The pixel whose u and v are those of a landmark, refined between pixels.

    An output has three maps: whether a pixel is of the face, u and v; or, for K steps of u and v
    as in the paper, 4 K + 2: scores of background and of each step of u, what is left of u in each
    step, and the same of v.

    Options: ``index``, a file with u and v of each landmark, from 0 to 1, see `take_places`;
    ``face``, above which a pixel is of the face (0.5).
    """

    about = "dense u and v"

    def __init__(self, spec, size):
        self.places = take_places(spec)
        require_range("the largest place in the file of index=", self.places.max().item(), 0, 1)
        self.face = spec.take("face", 0.5, float)
        require_range("face", self.face, -1e6, 1e6)

    def count(self, shape):
        """Points that an output of this shape holds; 0 if it holds none."""
        first = len(shape) == 4 and shape[0] == 1 and min(shape[1:]) > 2
        return len(self.places) if first and (_channels(shape) is not None) else 0

    def __call__(self, answer):
        n_channels = _channels(np.shape(answer))
        maps = channels_first(answer, (n_channels,))
        if n_channels == 3:
            face, u, v = maps
            face = face > self.face
        else:
            half = n_channels // 2
            face, u = _unquantised(maps[:half])
            _, v = _unquantised(maps[half:])
        return _find(face, np.stack([u, v], -1), self.places)


def _channels(shape):
    """Number of channels of an output; None where it fits neither kind."""
    for count in (shape[1], shape[3]):
        if count == 3 or (count % 4 == 2 and 10 <= count <= 4 * _MAX_BINS + 2):
            return count
    return None


def _unquantised(maps):
    """Whether a pixel is of the face, and its u or v, from 2 K + 1 maps."""
    n_steps = len(maps) // 2
    step = maps[: n_steps + 1].argmax(0)
    rest = np.take_along_axis(maps[n_steps + 1 :], np.maximum(step - 1, 0)[None], axis=0)[0]
    return step > 0, (step - 1 + rest) / n_steps


def _find(face, uv, places):
    """Where in the map (H, W, 2) of u and v the places (P, 2) lie, as fractions of its sides."""
    height, width = face.shape
    found = np.full((len(places), 2), np.nan)
    rows, columns = np.nonzero(face & np.isfinite(uv).all(-1))
    if not len(rows):
        return found
    values = uv[rows, columns]
    for k, place in enumerate(places):
        nearest = ((values - place) ** 2).sum(-1).argmin()
        at = np.array([columns[nearest], rows[nearest]], np.float64)
        near = (abs(columns - at[0]) <= _REACH) & (abs(rows - at[1]) <= _REACH)
        found[k] = at + _between(np.stack([columns, rows], -1)[near] - at, values[near] - place)
    return (found + 0.5) / (width, height)


def _between(offsets, values):
    """The offset (2,) at which a plane through values (n, 2) at offsets (n, 2) is 0; none where the
    values tell no such place within a pixel and a half."""
    known = np.column_stack([offsets, np.ones(len(offsets))])
    plane, _, rank, _ = np.linalg.lstsq(known, values, rcond=None)
    if rank < 3 or abs(np.linalg.det(plane[:2])) < 1e-12:
        return np.zeros(2)
    offset = -np.linalg.solve(plane[:2].T, plane[2])
    return offset if abs(offset).max() <= 1.5 else np.zeros(2)
