"""LFPW (Belhumeur et al. 2011): 29 points, as a list of images on the web and their positions."""

from pathlib import Path, PurePosixPath

import numpy as np

from features.errors import InputError
from features.files import head

from ._faces import Face
from ._lists import gather, images_below, inside, numbers, points
from ._rows import read_rows

# The list has 35 points, of which six on the ears are left out of the 29: 28 to 33.
N_LISTED, EARS = 35, range(28, 34)
_WORKER = "average"


def recognises(path):
    """Whether `path` is a list kbvt_lfpw_v1_train.csv or kbvt_lfpw_v1_test.csv."""
    return head(path, 40).startswith(b"imgurl\tworker\tleft_eyebrow_out_x\t")


def read(path, *, images=None, numbered=False, boxes="csv", scheme=None, detector=None,
         progress=None):  # fmt: skip
    """Read LFPW's list of positions.

    Cells are separated by tabs: the address of an image, the annotator, and 35 times x, y and t. t
    is 0 for a visible point, 1 for one behind hair or glasses, 2 for one that the head itself hides
    and 3 for one outside the image. The rows with worker ``average``, the mean over annotators, are
    used. Coordinates are not changed.

    The data set does not contain the images, and many addresses no longer work. Give a folder with
    the images that you have, named after the last part of their address, such as
    handy_manny_05_wenn5360250.jpg, with any suffix; or, with `numbered`, named image_0001,
    image_0002, … after the line in the list, counted from 1.

    Parameters
    ----------
    path : str or Path
    images : str or Path, optional
        Folder of the images; without it, that of the list.
    numbered : bool
    boxes, scheme, detector, progress
        As in `read_folder`; the set has no face boxes.

    Returns
    -------
    FaceDataset
        With the scheme cofw29 and `visible`.

    Raises
    ------
    InputError
        If the list cannot be read or is not of that form, or no face is usable.
    """
    path = Path(path)
    root = path.parent if images is None else Path(images)
    rows = read_rows(path, delimiter="\t")
    where, header = next(rows, (f"{path}, line 1", []))
    if len(header) != 2 + 3 * N_LISTED or header[:2] != ["imgurl", "worker"]:
        raise InputError(f"{where}: need imgurl, worker and 35 times x, y and t, as LFPW has them")
    kept = [i for i in range(N_LISTED) if i not in EARS]
    found, annotated, places = images_below(root), {}, {}
    for where, row in rows:
        if len(row) != len(header):
            raise InputError(f"{where}: expected {len(header)} columns, found {len(row)}")
        url, worker, *cells = row
        place = places.setdefault(url, len(places) + 1)
        if worker != _WORKER:
            continue
        table = np.array(cells).reshape(N_LISTED, 3)[kept]
        shape = points(table[:, :2].ravel(), where)
        hidden = numbers(table[:, 2], where, "flag of visibility")
        if not ((hidden >= 0) & (hidden <= 3)).all():
            raise InputError(f"{where}: t must be 0 to 3, not {hidden.tolist()}")
        name = f"image_{place:04d}" if numbered else PurePosixPath(url).stem
        image = found.get(name) or inside(root, f"{name}.jpg", where)
        # The mean of three people's flags: most of them saw it.
        annotated.setdefault(image, []).append(Face(where, shape, visible=hidden < 0.5))
    return gather(path, annotated, scheme=scheme or "cofw29", boxes=boxes, detector=detector,
                  progress=progress, own_boxes=False)  # fmt: skip
