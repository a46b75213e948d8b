"""The text files of 106 points that LaPa and JD-landmark share."""

from features.errors import InputError

from ..files import read_text
from ._faces import Face, Unusable, reason
from ._lists import numbers, points

N_POINTS = 106
MAX_BYTES = 1 << 18


def read_landmarks(file):
    """The landmarks (106, 2), float32: a line 106, then 106 lines ``x y``, as they are.

    Raises
    ------
    InputError
        If the file cannot be read, exceeds 256 KiB or is not of that form.
    """
    cells = read_text(file, MAX_BYTES).split()
    if cells[:1] != [str(N_POINTS)] or len(cells) != 1 + 2 * N_POINTS:
        raise InputError(f"{file}: need a line {N_POINTS} and as many lines of x and y")
    return points(cells[1:], file)


def face(file, attributes, box_file=None):
    """The `Face` list of one file; the box as left, top, right and bottom from another, if given.

    Raises
    ------
    Unusable
        If one of them is not of its form.
    """
    try:
        shape, box = read_landmarks(file), None
        if box_file is not None:
            cells = read_text(box_file, MAX_BYTES).split()
            if len(cells) != 4:
                raise InputError(f"{box_file}: need left, top, right and bottom")
            box = tuple(numbers(cells, box_file).tolist())
    except InputError as error:
        raise Unusable(file, reason(error, file)) from error
    return [Face(str(file), shape, box, attributes=attributes)]
