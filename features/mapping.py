"""Files mapped to memory side by side, as one array of many parts of files."""

import bisect
import ctypes
import mmap
import os
import weakref

import numpy as np

from .errors import InputError

# The system allows a process about 65 000 mappings.
_MAX_PARTS = 8192
# Samples between two times that pages are given back.
_TOGETHER = 1 << 14
_MAP_FIXED = 0x10  # on Linux and macOS alike
# First and last address of each array that is mapped, in order.
_MAPPED = []


def can_map(offsets, lengths):
    """Whether parts of files at those offsets, so many bytes long, can lie side by side."""
    page = mmap.PAGESIZE
    return (
        os.name == "posix"
        and ctypes.sizeof(ctypes.c_void_p) == 8
        and len(offsets) <= _MAX_PARTS
        and all(offset % page == 0 for offset in offsets)
        and all(length % page == 0 for length in lengths[:-1])
    )


def map_parts(parts, shape):
    """Parts of files as one array that must not be written; nothing is read before it is used.

    Parameters
    ----------
    parts : list of (Path, int, int)
        File, offset and length in bytes; see `can_map`.
    shape : tuple of int
        Of the uint8 array; its size is that of all parts.

    Returns
    -------
    ndarray, uint8

    Raises
    ------
    InputError
        If a file cannot be mapped.
    """
    return np.asarray(_Mapping(parts, shape))


class _Mapping:
    """Addresses in a row, a part of a file in each range of them; gone when no array is left."""

    def __init__(self, parts, shape):
        libc = _libc()
        size = sum(length for _, _, length in parts)
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        base = libc.mmap(None, size, 0, flags, -1, 0)  # addresses alone, no memory
        if base in (None, ctypes.c_void_p(-1).value):
            raise InputError(f"{parts[0][0]}: no room to map {size >> 20} MiB of files to memory")
        span = (base, base + size)
        bisect.insort(_MAPPED, span)
        # Not at exit: arrays may be in use until then.
        weakref.finalize(self, _unmap, libc, span).atexit = False
        at = base
        for path, offset, length in parts:
            try:
                with open(path, "rb") as file:
                    # Touching pages beyond the end of a file would kill the process.
                    if os.fstat(file.fileno()).st_size < offset + length:
                        raise InputError(f"{path}: shorter than it should be; write it again")
                    got = libc.mmap(at, length, mmap.PROT_READ, mmap.MAP_SHARED | _MAP_FIXED,
                                    file.fileno(), offset)  # fmt: skip
            except OSError as error:
                raise InputError(f"{path}: cannot read the file ({error.strerror})") from error
            if got != at:
                raise InputError(f"{path}: cannot be mapped to memory; copy it to a local disk")
            at += length
        self.__array_interface__ = {
            "version": 3, "typestr": "|u1", "shape": tuple(shape), "data": (base, True)
        }  # fmt: skip


def spans_in_memory(images, index, start, stop):
    """Spans of samples that cover [start, stop), of which mapped images need little memory.

    Between two spans, the pages of the images that were looked at are given back to the system,
    which keeps them for as long as it has room.

    Parameters
    ----------
    images : ndarray of shape (m, H, W), uint8
    index : ndarray of shape (N,), intp
        Image of each sample, ascending for this to be of use.
    start, stop : int

    Yields
    ------
    (int, int)
    """
    if not _MAPPED or images is None or not _is_mapped(images.ctypes.data):
        yield start, stop
        return
    for at in range(start, stop, _TOGETHER):
        end = min(at + _TOGETHER, stop)
        yield at, end
        first, last = int(np.min(index[at:end])), int(np.max(index[at:end]))
        _give_back(images.ctypes.data + first * images.strides[0],
                   images.ctypes.data + (last + 1) * images.strides[0])  # fmt: skip


def _is_mapped(address):
    at = bisect.bisect_right(_MAPPED, (address, float("inf"))) - 1
    return at >= 0 and address < _MAPPED[at][1]


def _give_back(start, stop):
    """Forget the whole pages between two addresses of a mapped file; they are read again when they
    are needed."""
    page = mmap.PAGESIZE
    start, stop = -(-start // page) * page, stop // page * page
    if stop > start and hasattr(mmap, "MADV_DONTNEED"):
        _libc().madvise(start, stop - start, mmap.MADV_DONTNEED)


def _unmap(libc, span):
    _MAPPED.remove(span)
    libc.munmap(span[0], span[1] - span[0])


def _libc():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                          ctypes.c_int, ctypes.c_longlong]  # fmt: skip
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return libc
