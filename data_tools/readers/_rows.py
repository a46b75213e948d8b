"""The rows of a csv file."""

import csv
import io

from features.errors import InputError

from ..cells import unguarded
from ..files import read_text

MAX_BYTES = 1 << 26


def read_rows(path, delimiter=","):
    """Read a csv file row by row; empty lines are passed over.

    Parameters
    ----------
    path : str or Path
    delimiter : str
        What separates the cells.

    Yields
    ------
    where : str
        The file and the line, for messages.
    cells : list of str
        Without blanks around them, nor the quote that guards a text against spreadsheets.

    Raises
    ------
    InputError
        If the file cannot be read, is larger than 64 MiB or is not csv; the message names the
        line.
    """
    rows = csv.reader(
        io.StringIO(read_text(path, MAX_BYTES), newline=""), strict=True, delimiter=delimiter
    )
    try:
        for row in rows:
            if row:
                yield f"{path}, line {rows.line_num}", [unguarded(cell.strip()) for cell in row]
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: not csv ({error})") from error
