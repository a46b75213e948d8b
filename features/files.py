"""Reading files that may come from anywhere."""

import os
import stat
from pathlib import Path

from .errors import InputError


def read_bytes(path, max_bytes):
    """The content of a regular file of at most `max_bytes`.

    Raises
    ------
    InputError
        If it is missing, not a regular file, or larger.
    """
    try:
        # Opening a pipe would wait for its writer, and a device has no end.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError(f"{path}: not a regular file; name a file")
        with open(path, "rb") as file:
            # Ask for no more than the size of the file: Python allocates the buffer before it
            # reads.
            size = os.fstat(file.fileno()).st_size
            data = file.read(min(size, max_bytes) + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot read the file ({error.strerror})") from error
    except ValueError as error:  # a null in the name, which a list of files may hold
        raise InputError(f"{str(path)!r}: not the name of a file") from error
    if len(data) > max_bytes:
        raise InputError(f"{path}: larger than the {max_bytes} bytes that such a file may have")
    return data


def head(path, size=4096):
    """The first bytes of a file; none where it is no regular file or cannot be read."""
    try:
        path = Path(path)
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(size)
    except (OSError, ValueError):  # a null in the name
        return b""
