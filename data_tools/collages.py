"""Annotated faces pasted into photographs without faces, at known positions and sizes."""

import cv2
import numpy as np

from features.errors import InputError, require_count, require_range
from features.images import read_image

from .scenes import Scenes, has_outline, sides, squares

#: Width and height of a collage in pixels.
SIZE = 640, 480
# Faces of a collage, and tries to find a free place for each.
_MOST, _TRIES = 4, 40
# What is cut out of a photograph: an ellipse about the middle of the face, in sides of its square;
# it is higher above, where the forehead and hair are.
_WIDE, _ABOVE, _BELOW = 0.72, 1.0, 0.68
# Width of the soft edge, in sides, and the room that a face takes from others.
_EDGE, _ROOM = 0.10, 1.05
# A face is enlarged by no more than this.
_ENLARGED = 1.25


def collages(faces, backgrounds, n, seed=0, *, smallest=20.0, largest=200.0, turn=0.0,
             name="collages"):  # fmt: skip
    """Photographs without faces, with faces pasted in.

    A collage has one to four faces that do not overlap, with soft edges. The logarithm of their
    size is uniform. Collage i has its own random stream, so it does not depend on `n`. Pictures are
    made when they are asked for.

    Parameters
    ----------
    faces : FaceDataset
        Of a scheme from the eyebrows to the chin.
    backgrounds : sequence of str or Path
        Image files without faces.
    n : int
        Number of collages.
    seed : int
    smallest, largest : float
        Range of the sides of faces in pixels (see `data_tools.scenes.squares`). A face is enlarged
        by at most a quarter, so small photographs give no large faces.
    turn : float
        Degrees by which each face is rotated in the image plane, clockwise or counter-clockwise at
        random. Its annotated box stays an upright square of the same side and centre.
    name : str

    Returns
    -------
    Scenes

    Raises
    ------
    InputError
        If there is no face or background, the faces have no outline of the jaw, or a number is
        out of range.
    """
    require_count("n", n, 1, 100_000)
    require_range("smallest", smallest, 8, 400)
    require_range("largest", largest, smallest, 400)
    require_range("turn", turn, 0, 180)
    backgrounds = [str(file) for file in sorted(backgrounds)]
    if not len(faces) or not backgrounds:
        raise InputError(
            "collages need at least one annotated face and one photograph without faces"
        )
    if not has_outline(faces.scheme):
        raise InputError(
            f"collages need landmarks from the eyebrows to the chin, but {faces.scheme.name} has "
            "no jaw; take faces with a jaw line, such as those of 300-W"
        )
    boxes = squares(faces.shapes)
    plans = [
        _plan(np.random.default_rng(sequence), sides(boxes), len(backgrounds), smallest, largest,
              turn)
        for sequence in np.random.SeedSequence(seed).spawn(n)
    ]  # fmt: skip
    return Scenes(
        name, "collages", [f"{name}_{i:05d}" for i in range(n)],
        [plan.boxes for plan in plans], "landmarks",
        load=lambda i: _render(plans[i], faces, boxes, backgrounds),
    )  # fmt: skip


class _Plan:
    """What goes where in a collage."""

    def __init__(self, background, shift, members, boxes, angles):
        self.background, self.shift = background, shift
        self.members, self.angles = members, angles
        self.boxes = np.array(boxes, np.float64).reshape(-1, 4)


def _plan(rng, source_sides, n_backgrounds, smallest, largest, turn):
    background, shift = int(rng.integers(n_backgrounds)), rng.random(2)
    members, boxes, angles = [], [], []
    for _ in range(int(rng.integers(1, _MOST + 1))):
        member = int(rng.integers(len(source_sides)))
        most = min(largest, _ENLARGED * source_sides[member])
        side = float(np.exp(rng.uniform(np.log(smallest), np.log(max(most, smallest)))))
        angle = turn * float(rng.choice((-1, 1)))
        for _ in range(_TRIES):
            reach = _ROOM * side
            x, y = rng.uniform(reach, np.maximum(np.array(SIZE) - reach, reach + 1))
            centres = [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2, b[2] - b[0]) for b in boxes]
            apart = all(
                max(abs(x - cx), abs(y - cy)) > _ROOM * (side + other) for cx, cy, other in centres
            )
            if apart:
                members.append(member)
                angles.append(angle)
                boxes.append((x - side / 2, y - side / 2, x + side / 2, y + side / 2))
                break
    return _Plan(background, shift, members, boxes, angles)


def _render(plan, faces, boxes, backgrounds):
    canvas = _background(read_image(backgrounds[plan.background]), plan.shift).astype(np.float32)
    for member, box, angle in zip(plan.members, plan.boxes, plan.angles, strict=True):
        _paste(canvas, faces.image(member), boxes[member], box, angle)
    return np.rint(np.clip(canvas, 0, 255)).astype(np.uint8)


def _background(image, shift):
    """The photograph scaled to cover the collage, and cut to it at a random place."""
    height, width = image.shape
    scale = max(SIZE[0] / width, SIZE[1] / height)
    size = max(SIZE[0], round(width * scale)), max(SIZE[1], round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(image, size, interpolation=way)
    left, top = (np.floor(shift * (np.array(size) - SIZE + 1))).astype(int)
    return image[top : top + SIZE[1], left : left + SIZE[0]]


def _paste(canvas, image, source, target, angle):
    """Mix the face in the square `source` of an image into the square `target` of the canvas."""
    side = target[2] - target[0]
    scale = side / (source[2] - source[0])
    # Sampling skips pixels beyond a factor of two: average them first.
    steps = max(1, int(1 / scale))
    ratio = np.ones(2)
    if steps > 1:
        height, width = image.shape
        small = max(1, width // steps), max(1, height // steps)
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        ratio = np.array(small) / (width, height)
    middle = (np.array([source[0] + source[2], source[1] + source[3]]) / 2 + 0.5) * ratio - 0.5
    to = np.array([target[0] + target[2], target[1] + target[3]]) / 2
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    turn = scale * np.array([[cos, -sin], [sin, cos]]) / ratio
    move = np.column_stack([turn, to - turn @ middle])
    reach = int(np.ceil(1.5 * side)) + 2
    low = np.maximum(np.floor(to).astype(int) - reach, 0)
    high = np.minimum(np.ceil(to).astype(int) + reach + 1, SIZE)
    move[:, 2] -= low
    size = tuple(int(v) for v in high - low)
    patch = cv2.warpAffine(image, move, size, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones(image.shape, np.float32), move, size)
    share = _mask(size, to - low, side, cos, sin) * inside
    part = canvas[low[1] : high[1], low[0] : high[0]]
    part += (patch.astype(np.float32) - part) * share


def _mask(size, centre, side, cos, sin):
    """Shares of the face in a picture of `size`: 1 in the ellipse, and a soft edge."""
    x, y = np.meshgrid(np.arange(size[0]) - centre[0], np.arange(size[1]) - centre[1])
    along, down = (cos * x + sin * y) / side, (cos * y - sin * x) / side
    radius = np.hypot(along / _WIDE, down / np.where(down < 0, _ABOVE, _BELOW))
    # Of a radius that is 1 on the outline; the edge is wide enough for a pixel.
    edge = max(_EDGE / _WIDE, 1.0 / (side * _WIDE))
    ramp = np.clip((1 + edge / 2 - radius) / edge, 0, 1)
    return (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
