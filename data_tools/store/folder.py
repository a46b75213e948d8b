"""The files of a store: in a folder, or wherever fsspec opens them."""

import os
import re
from contextlib import contextmanager
from pathlib import Path

from features.errors import InputError

# Two letters at least: `C:/faces` is a drive.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.:-]+):/{1,2}(.+)")


class LocalFolder:
    """A folder of this machine.

    Parameters
    ----------
    path : str or Path
    """

    def __init__(self, path):
        self.path = Path(path).absolute()

    def __str__(self):
        return str(self.path)

    def file(self, name):
        """How messages call a file."""
        return str(self.path / name)

    @contextmanager
    def open(self, name):
        """A file for reading bytes; (file, its length).

        Raises
        ------
        InputError
            If it is missing, no regular file, or cannot be read.
        """
        path = self.path / name
        try:
            # Opening a pipe would wait for its writer.
            if path.exists() and not path.is_file():
                raise InputError(f"{path}: not a regular file")
            with path.open("rb") as file:
                yield file, os.fstat(file.fileno()).st_size
        except OSError as error:
            raise InputError(f"{path}: cannot read the file ({error.strerror})") from error


class RemoteFolder:
    """A folder that fsspec opens, such as ``s3://bucket/store``.

    Parameters
    ----------
    url : str

    Raises
    ------
    InputError
        If fsspec is not installed, or does not know the kind of address.
    """

    path = None

    def __init__(self, url):
        self.url = url.rstrip("/")
        self._system()

    def __str__(self):
        return self.url

    def file(self, name):
        """How messages call a file."""
        return f"{self.url}/{name}"

    @contextmanager
    def open(self, name):
        """As of `LocalFolder`."""
        system, root = self._system()
        path = f"{root.rstrip('/')}/{name}"
        try:
            with system.open(path, "rb") as file:
                yield file, int(system.info(path)["size"])
        except InputError:
            raise
        except Exception as error:  # each file system has errors of its own
            text = f"{type(error).__name__}: {error}"[:200]
            raise InputError(f"{self.file(name)}: cannot read the file ({text})") from error

    def _system(self):
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise InputError(f"{self.url}: needs fsspec; pip install fsspec") from error
        try:
            return url_to_fs(self.url)
        except Exception as error:  # an unknown protocol, or a package of it that is missing
            raise InputError(f"{self.url}: fsspec cannot open it ({error})") from error


def address_of(path):
    """The address that a path is, such as ``s3://bucket/store``, or None.

    Examples
    --------
    >>> address_of("s3://bucket/store"), address_of(Path("s3://bucket/store")), address_of("faces")
    ('s3://bucket/store', 's3://bucket/store', None)
    """
    # A Path has one slash where the address has two.
    found = _ADDRESS.fullmatch(os.fspath(path))
    return None if found is None else f"{found[1]}://{found[2]}"


def folder_of(path):
    """The folder of a path, or of an address that fsspec opens."""
    address = address_of(path)
    return LocalFolder(path) if address is None else RemoteFolder(address)
