"""Memory of a worker during a training: kept for the next array instead of given back at once."""

import ctypes
import os
from contextlib import contextmanager

# Parameters of glibc's mallopt (malloc.h), and its default for the second.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_DEFAULT = -1, -3, 1 << 17
_VARIABLE = "MALLOC_TRIM_THRESHOLD_"
# Bytes that malloc keeps when they are freed, and below which arrays come from what it keeps.
_KEPT, _LARGE = 1 << 30, 1 << 25


@contextmanager
def kept_memory():
    """Let glibc's malloc keep what is freed, as long as a context lasts.

    Dask starts workers with ``MALLOC_TRIM_THRESHOLD_=65536``. Each large array is then mapped anew
    and zeroed page by page, and the batches of a stage's set-up take three times the CPU time.
    Where the variable is not set, or malloc is another one, nothing is changed.
    """
    given = os.environ.get(_VARIABLE, "")
    libc = ctypes.CDLL(None) if os.name == "posix" and given.isdecimal() else None
    if not hasattr(libc, "mallopt"):
        yield
        return
    libc.mallopt(_TRIM_THRESHOLD, _KEPT)
    libc.mallopt(_MMAP_THRESHOLD, _LARGE)
    try:
        yield
    finally:
        libc.mallopt(_TRIM_THRESHOLD, min(int(given), _KEPT))
        libc.mallopt(_MMAP_THRESHOLD, _MMAP_DEFAULT)
        libc.malloc_trim(0)
