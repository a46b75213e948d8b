"""Contact sheets: many annotated faces on one picture, for review."""

import cv2
import numpy as np

from features.errors import require_count

from .plots import overlay

# Around a face, in sides of its box, and the height of the caption in pixels.
_SURROUNDINGS, _CAPTION = 1.7, 30
_INK, _PAPER, _GAP = (40, 40, 40), 255, 6


def face_tile(image, shape, box, scheme, caption=(), side=180):
    """One face with its landmarks, cut out and captioned.

    Parameters
    ----------
    image : ndarray of shape (H, W) or (H, W, 3), uint8, BGR
    shape : ndarray of shape (L, 2)
    box : ndarray of shape (4,)
    scheme : Scheme
    caption : sequence of str
        Up to two lines, plain letters.
    side : int
        Width and height of the face's picture in pixels, 64 to 1024.

    Returns
    -------
    ndarray of shape (side + 30, side, 3), uint8, BGR
    """
    require_count("side", side, 64, 1024)
    box = np.asarray(box, np.float64)
    middle, reach = (box[:2] + box[2:]) / 2, _SURROUNDINGS * max(box[2:] - box[:2]) / 2
    zoom = side / (2 * max(reach, 1.0))
    # Enlarged first, drawn on then: lines are as thin on a small face as on a large one.
    to = np.column_stack([np.eye(2) * zoom, side / 2 - zoom * middle])
    steps = max(1, int(1 / zoom))
    if steps > 1:  # averaged, where warping would skip pixels
        size = max(1, image.shape[1] // steps), max(1, image.shape[0] // steps)
        ratio = np.array(image.shape[1::-1]) / size
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        to[:, :2] *= ratio
    face = cv2.warpAffine(image, to, (side, side), borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    points = (np.asarray(shape, np.float64) - middle) * zoom + side / 2
    drawn = overlay(face, points[None], scheme)
    tile = np.full((side + _CAPTION, side, 3), _PAPER, np.uint8)
    tile[:side] = drawn
    for k, text in enumerate(caption[:2]):
        place = 3, side + 12 + 13 * k
        cv2.putText(tile, text[:30], place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, _INK, 1, cv2.LINE_AA)
    return tile


def sheets(tiles, columns=6, rows=5):
    """Tiles of one size as pages, one page in memory at a time.

    Parameters
    ----------
    tiles : iterable of ndarray of shape (h, w, 3), uint8
    columns, rows : int
        Tiles across and down.

    Yields
    ------
    ndarray of shape (H, W, 3), uint8
        The last one may be lower.
    """
    require_count("columns", columns, 1, 100)
    require_count("rows", rows, 1, 100)
    page = []
    for tile in tiles:
        page.append(tile)
        if len(page) == columns * rows:
            yield _page(page, columns)
            page = []
    if page:
        yield _page(page, columns)


def _page(tiles, columns):
    height, width = np.array(tiles[0].shape[:2]) + _GAP
    n_rows = -(-len(tiles) // columns)
    page = np.full((n_rows * height + _GAP, columns * width + _GAP, 3), _PAPER, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // columns * height + _GAP, i % columns * width + _GAP
        page[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return page
