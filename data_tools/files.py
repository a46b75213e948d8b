"""Reading text files of limited size, and writing files in one step."""

import glob
import os
import secrets
from pathlib import Path

from features.errors import InputError
from features.files import read_bytes

_SCRATCH = ".{}.{}.tmp"


def read_text(path, max_bytes):
    """The text of a UTF-8 file of at most `max_bytes`.

    Raises
    ------
    InputError
        If the file is missing, not a regular file, larger, or not UTF-8.
    """
    data = read_bytes(path, max_bytes)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a UTF-8 text file; save it as UTF-8") from error


def scratch_beside(path):
    """A free name in the same folder; the file is written there and then renamed to `path`."""
    # In the same folder: a rename is one step only within a file system.
    return path.with_name(_SCRATCH.format(path.name, secrets.token_hex(4)))


def replace_file(path, data):
    """Write `data` (bytes) to `path` in one step, so that no reader ever sees half a file.

    Raises
    ------
    InputError
        If the folder is missing, not writable or full; an existing file at `path` is not changed.
    """
    path = Path(path)
    scratch = scratch_beside(path)
    try:
        try:
            with scratch.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(scratch, path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot write the file ({error.strerror})") from error


def make_folder(path):
    """Make a folder for results, and its parents, if missing; return its path.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{path}: cannot make the folder ({error.strerror}); name another"
        ) from error
    return path


def remove_scratch(path):
    """Remove temporary files of killed writers of `path`; no other writer may run meanwhile."""
    path = Path(path)
    for left in path.parent.glob(_SCRATCH.format(glob.escape(path.name), "?" * 8)):
        try:
            left.unlink(missing_ok=True)
        except OSError:  # it does no harm but take room
            pass
