"""Pictures: landmarks drawn on photographs, and the cumulative error curve."""

import io
from pathlib import Path

import cv2
import numpy as np

from features.errors import InputError
from features.images import as_grey

from .boxes import tight_box
from .files import replace_file
from .metrics import auc, ced, failure_rate
from .picture import Picture

# OpenCV draws at fixed-point positions with this many fractional bits.
_SHIFT = 4
# BGR. Bright lines over a dark rim stand out from skin, hair and paper alike.
LINE, POINT, BOX, RIM = (235, 206, 66), (255, 255, 255), (64, 176, 255), (32, 28, 24)
COVERED = (60, 60, 230)
FORMATS = (".png", ".pdf", ".svg")


def draw_shape(image, shape, scheme=None, box=None, *, line=LINE, point=POINT, numbers=False):
    """Draw the landmarks of one face on a copy of its image.

    Parameters
    ----------
    image : ndarray of shape (H, W), (H, W, 3) or (H, W, 4)
        Grey or BGR, of any dtype `features.images.as_grey` takes.
    shape : array_like of shape (L, 2)
        In pixels; landmarks that are NaN, and the lines to them, are left out.
    scheme : Scheme, optional
        Its groups are drawn as lines; without it or without groups, only points are drawn.
    box : array_like of shape (4,), optional
        Drawn where given.
    line, point : (int, int, int)
        Colours, BGR.
    numbers : bool
        Whether to write its index, counted from 0, beside each landmark.

    Returns
    -------
    Picture of shape (H, W, 3), uint8
        An array, BGR, that notebooks show. Widths grow with the face, so it reads the same at any
        resolution.

    Raises
    ------
    InputError
        If the shape does not fit the scheme, or `image` is no image.
    """
    boxes = None if box is None else np.asarray(box, np.float64)[None]
    shapes = np.asarray(shape)[None]
    return overlay(image, shapes, scheme, boxes, line=line, point=point, numbers=numbers)


def overlay(image, shapes, scheme=None, boxes=None, *, line=LINE, point=POINT, visible=None,
            numbers=False):  # fmt: skip
    """Draw many faces on a copy of their image; see `draw_shape`.

    Parameters
    ----------
    image, scheme, line, point, numbers
        As for `draw_shape`.
    shapes : array_like of shape (n, L, 2)
    boxes : array_like of shape (n, 4), optional
    visible : array_like of shape (n, L), bool, optional
        Landmarks that are not visible are drawn in another colour, `COVERED`.

    Returns
    -------
    Picture of shape (H, W, 3), uint8

    Raises
    ------
    InputError
        As `draw_shape`, or if there are not as many boxes or flags as shapes.
    """
    canvas = _as_bgr(image)
    shapes = np.asarray(shapes, np.float64)
    if shapes.ndim != 3 or shapes.shape[2] != 2:
        raise InputError(f"shapes to draw must be (n, L, 2), not {shapes.shape}")
    if scheme is not None and shapes.shape[1] != scheme.n_points:
        raise InputError(
            f"shapes of {shapes.shape[1]} landmarks do not fit the scheme {scheme.name!r} "
            f"of {scheme.n_points}; choose the scheme of the shapes"
        )
    if boxes is not None:
        boxes = np.asarray(boxes, np.float64)
        if boxes.shape != (len(shapes), 4):
            raise InputError(f"boxes must be ({len(shapes)}, 4), one a face, not {boxes.shape}")
    covered = np.zeros(shapes.shape[:2], bool) if visible is None else ~np.asarray(visible, bool)
    if covered.shape != shapes.shape[:2]:
        raise InputError(f"visible must be {shapes.shape[:2]}, one a landmark, not {covered.shape}")
    for i, shape in enumerate(shapes):
        box = None if boxes is None else boxes[i]
        _draw(canvas, shape, scheme, box, line, point, covered[i], numbers)
    return canvas.view(Picture)


def _draw(canvas, shape, scheme, box, line, point, covered, numbers):
    extent = tight_box(shape) if box is None else box
    side = np.sqrt(np.prod(np.clip(extent[2:] - extent[:2], 1, None)))
    # Without extent there is hardly anything to draw; a wild one must not blot out the image.
    side = min(side, max(canvas.shape)) if np.isfinite(side) else 0.0
    width = max(1, round(side / 220))
    radius = max(0.5, side / 140)
    rim = max(1, round(side / 300))
    frames, curves = [], []
    if box is not None and np.isfinite(box).all():
        frames = [_fixed(box[[0, 1, 2, 1, 2, 3, 0, 3, 0, 1]].reshape(5, 2), canvas)]
    for points, closed in scheme.groups.values() if scheme is not None else ():
        curves += [_fixed(run, canvas) for run in _runs(shape[list(points)], closed)]
    # On a tiny face the points would hide it; the lines say enough.
    known = np.isfinite(shape).all(-1)
    dots = known & (side >= 60 or not curves)
    centres, hidden = _fixed(shape[dots & ~covered], canvas), _fixed(shape[known & covered], canvas)
    # The rim lets through half of the image, or small faces would drown in it.
    shade = canvas.copy()
    _lines(shade, frames + curves, RIM, width + 2 * rim)
    for dotted in (centres, hidden):
        _points(shade, dotted, RIM, radius + 0.7 * rim)
    cv2.addWeighted(shade, 0.5, canvas, 0.5, 0, dst=canvas)
    _lines(canvas, frames, BOX, width)
    _lines(canvas, curves, line, width)
    _points(canvas, centres, point, radius)
    _points(canvas, hidden, COVERED, radius)
    if numbers:
        _numbers(canvas, shape, known, point, radius, side)


def _runs(points, closed):
    """The stretches of two or more points between the missing ones."""
    if closed and len(points) > 2:
        points = np.concatenate([points, points[:1]])
    seen = np.isfinite(points).all(-1)
    runs = np.split(points, np.flatnonzero(~seen))
    runs = [run[np.isfinite(run).all(-1)] for run in runs]
    return [run for run in runs if len(run) > 1]


def _lines(canvas, curves, colour, width):
    cv2.polylines(canvas, curves, False, colour, width, cv2.LINE_AA, _SHIFT)


def _points(canvas, centres, colour, radius):
    for x, y in centres.tolist():
        cv2.circle(canvas, (x, y), round(radius * 2**_SHIFT), colour, -1, cv2.LINE_AA, _SHIFT)


def _numbers(canvas, shape, known, colour, radius, side):
    """Write the index of each known landmark to its upper right."""
    scale = np.clip(side / 500, 0.3, 1.2)
    thick = max(1, round(scale))
    for i in np.flatnonzero(known).tolist():
        x, y = (
            (_fixed(shape[i], canvas) / 2**_SHIFT + (radius + 1, -radius - 1)).round().astype(int)
        )
        for ink, width in ((RIM, thick + 2), (colour, thick)):
            place = int(x), int(y)
            cv2.putText(canvas, str(i), place, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, width,
                        cv2.LINE_AA)  # fmt: skip


def _fixed(points, canvas):
    # Far outside nothing shows, and OpenCV's fixed point would overflow.
    limit = 4.0 * max(canvas.shape)
    return np.rint(np.clip(points, -limit, limit) * 2**_SHIFT).astype(np.int32)


def _as_bgr(image):
    """A uint8 BGR copy of any image that `as_grey` takes."""
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] in (3, 4):
        channels = [as_grey(image[:, :, i]) for i in range(3)]
        return np.ascontiguousarray(np.stack(channels, -1))
    return cv2.cvtColor(as_grey(image), cv2.COLOR_GRAY2BGR)


def montage(images, columns=4, gap=4):
    """Images side by side, each centred in a cell as large as the largest.

    Parameters
    ----------
    images : sequence of ndarray
        As for `draw_shape`.
    columns : int
    gap : int
        White pixels between cells.

    Returns
    -------
    Picture of shape (H, W, 3), uint8
        BGR.

    Raises
    ------
    InputError
        If there is no image, or `columns` is below 1.
    """
    images = [_as_bgr(image) for image in images]
    if not images or columns < 1:
        raise InputError("a montage needs at least one image and one column")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height, width = np.max([image.shape[:2] for image in images], axis=0) + gap
    sheet = np.full((rows * height - gap, columns * width - gap, 3), 255, np.uint8)
    for i, image in enumerate(images):
        h, w = image.shape[:2]
        top = i // columns * height + (height - gap - h) // 2
        left = i % columns * width + (width - gap - w) // 2
        sheet[top : top + h, left : left + w] = image
    return sheet.view(Picture)


def plot_ced(errors, path, threshold=0.08, title=None, xlabel="Normalised mean error (%)"):
    """Plot the cumulative error distribution of one or several methods to a file.

    Parameters
    ----------
    errors : dict of str to array_like of shape (n,)
        Errors of each method, fractions as from `metrics.nme`. The legend gives each one's AUC
        and failure rate at `threshold`.
    path : str or Path
        Ends in .png, .pdf or .svg; an existing file is replaced only by a complete one.
    threshold : float
        Where the plot ends, a fraction.
    title, xlabel : str, optional

    Raises
    ------
    InputError
        If there is no method or no error, the threshold is not above 0, or the file cannot be
        written.
    """
    # Slow to import, and not needed to draw on images.
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: a figure is saved as {', '.join(FORMATS)}; change the suffix")
    if not errors:
        raise InputError("there are no errors to plot; give {name: errors}")
    figure = Figure(figsize=(8.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for k, (name, values) in enumerate(errors.items()):
        area, failures = 100 * auc(values, threshold), 100 * failure_rate(values, threshold)
        x, share = ced(values)
        shown = x <= threshold
        x, share = np.append(x[shown], threshold), share[shown]
        axes.step(
            100 * x,
            100 * np.append(share, share[-1]),
            where="post",
            color=COLOURS[k % len(COLOURS)],
            linestyle=DASHES[k // len(COLOURS) % len(DASHES)],
            linewidth=1.8,
            solid_capstyle="butt",
            label=f"{name}  (AUC {area:.1f}, FR {failures:.1f} %)",
        )
    axes.set(
        xlim=(0, 100 * threshold), ylim=(0, 100), xlabel=xlabel, ylabel="Faces (%)", title=title
    )
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("0.4")
    axes.tick_params(color="0.4")
    # Beside the axes, where it hides no curve.
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", handlelength=1.3,
                  edgecolor="none", fontsize=8.5)  # fmt: skip
    data = io.BytesIO()
    # Text as text in pdf and svg, and no random names of clip paths.
    with rc_context({"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "ced"}):
        figure.savefig(data, format=path.suffix[1:].lower(), dpi=200)
    replace_file(path, data.getvalue())


# Okabe & Ito (2008): told apart by colour-blind readers too. Dashes follow when they run out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
