"""A lock file: one writer at a time, over processes."""

import os
from pathlib import Path

from features.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: no lock, but files are still replaced in one step
    fcntl = None


class FileLock:
    """Context manager that keeps other processes out; the lock of a killed process is released.

    Parameters
    ----------
    path : str or Path
        The lock file: made, locked, and removed at the end.
    taken : str
        The error message if another process holds the lock.
    name : str or Path, optional
        Name of the locked place in messages; by default the lock file.

    Raises
    ------
    InputError
        On entering: if another process holds the lock, the file is a symbolic link, or the folder
        cannot be written to.
    """

    def __init__(self, path, taken, name=None):
        self.path, self.taken, self.name = Path(path), taken, name or path
        self._file = None

    def __enter__(self):
        if fcntl is None:
            return self
        try:
            if self.path.is_symlink():
                raise InputError(f"{self.path}: is a symbolic link; delete it and start again")
            # Nor is one followed that comes to be in between: its target would be emptied.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            self._file = os.fdopen(os.open(self.path, flags, 0o666), "r+")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The one who held it may have removed the file in between: it locks nobody out.
            if not _is_at(self._file, self.path):
                raise BlockingIOError
        except BlockingIOError as error:
            self._file.close()
            self._file = None
            raise InputError(self.taken) from error
        except OSError as error:
            raise InputError(
                f"{self.name}: cannot write here ({error.strerror}); name another folder"
            ) from error
        return self

    def __exit__(self, *exception):
        if self._file is not None:
            self.path.unlink(missing_ok=True)
            self._file.close()
            self._file = None


def _is_at(file, path):
    """Whether an open file is still the one at `path`."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
