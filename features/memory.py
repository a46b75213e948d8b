"""Check that there is enough memory before a large array is made.

Linux grants allocations that it cannot serve, and kills the process later, at the first write.
"""

import os
from pathlib import Path

import numpy as np

from .errors import InputError

# Smaller arrays are not checked.
_SMALL = 64 << 20


def allocate(shape, dtype, what, remedy):
    """An empty array, if the memory for it is there.

    Parameters
    ----------
    shape, dtype
        As in `numpy.empty`.
    what : str
        What the array holds, in the plural, for the message.
    remedy : str
        What to do about it.

    Raises
    ------
    InputError
        If there is not enough; the message says how much is needed and how much is available.
    """
    # In Python's integers, which do not overflow.
    n_bytes = int(np.dtype(dtype).itemsize)
    for length in shape:
        n_bytes *= int(length)
    require_memory(n_bytes, what, remedy)
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError) as error:  # ValueError: beyond any address
        raise InputError(
            f"{what} need {_size(n_bytes)}, which cannot be allocated; {remedy}"
        ) from error


def require_memory(n_bytes, what, remedy):
    """Raise InputError if `n_bytes` are more than available; arguments as of `allocate`."""
    if n_bytes < _SMALL:
        return
    there = available_memory()
    if there is not None and n_bytes > there:
        raise InputError(
            f"{what} need {_size(n_bytes)} of memory, but {_size(there)} are available; {remedy}"
        )


def available_memory():
    """Bytes that this process can still allocate, or None where the system does not say.

    The smallest of three numbers: the free memory of the machine, and what is left under the limits
    of the process's control group and of the process itself.
    """
    found = []
    meminfo = _fields("/proc/meminfo")
    if "MemAvailable:" in meminfo:
        found.append(meminfo["MemAvailable:"] << 10)
    for limit, used, statistics, idle in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        (
            "memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat",
            "total_inactive_file",
        ),
    ):  # fmt: skip
        group = Path("/sys/fs/cgroup")
        try:
            left = int((group / limit).read_text()) - int((group / used).read_text())
        except (OSError, ValueError):  # no such group, or no limit
            continue
        found.append(left + _fields(group / statistics).get(idle, 0))
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            found.append(limit - pages * os.sysconf("SC_PAGE_SIZE"))
    except (ImportError, OSError, ValueError):
        pass
    return max(0, min(found)) if found else None


def _fields(path):
    """Lines ``name number …`` of a file of the system."""
    try:
        rows = (line.split() for line in Path(path).read_text().splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdecimal()}
    except OSError:
        return {}


def _size(n_bytes):
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:.1f} {name}"
    return f"{n_bytes >> 20} MiB"
