"""Text files in, below a size; whole files out."""

import os
import secrets
from pathlib import Path

from features.errors import InputError


def read_text(path, max_bytes):
    """The text of a UTF-8 file of at most `max_bytes`.

    Raises
    ------
    InputError
        If the file is missing, not a regular file, larger, or not UTF-8.
    """
    path = Path(path)
    try:
        # Opening a pipe would wait for its writer, and a device has no end.
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: not a regular file")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot read the file ({error.strerror})") from error
    if len(data) > max_bytes:
        raise InputError(f"{path}: larger than the {max_bytes} bytes such a file may have")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a UTF-8 text file; save it as UTF-8") from error


def replace_file(path, data):
    """Put `data` (bytes) at `path` in one step, so that no reader ever sees half a file.

    Raises
    ------
    InputError
        If the folder is missing, not writable or full; what stood at `path` before is unharmed.
    """
    path = Path(path)
    # In the same folder: a rename is one step only within a file system.
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
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
