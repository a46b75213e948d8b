"""Threads that run kernels without the GIL, and communication between the members of a training.

A training has one member, or several that each hold some of the samples and run the same code.
Sums over all samples, and decisions, are computed by methods of `Workers`. With one member they are
local; with several, they are computed together with the group of members.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from threading import Lock

import numpy as np

from .errors import InputError, require_count
from .messages import tidy

_MOST_THREADS = 4096


def count_jobs(n_jobs):
    """Number of threads for scikit-learn's `n_jobs`: None is 1, -1 is every core there is.

    Raises
    ------
    InputError
        If it is no whole number, or 0.
    """
    if n_jobs is None:
        return 1
    require_count("n_jobs", n_jobs, -_MOST_THREADS, _MOST_THREADS)
    if n_jobs == 0:
        raise InputError("n_jobs is 0; it must be at least 1, or -1 for all cores")
    if n_jobs < 0:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return max(1, cores + 1 + int(n_jobs))
    return int(n_jobs)


class Workers:
    """A pool of threads that sleep between calls, the calling thread among them.

    Kernels compiled with ``nogil=True`` run side by side in it. Unlike OpenMP's, its threads do
    not spin while they wait, so a busy machine loses no CPU time to them.

    Parameters
    ----------
    n_jobs : int, optional
        See `count_jobs`.
    group : object, optional
        The members of a training on several machines, with

        - ``rank`` and ``size``: which member this is, of how many;
        - ``to_root(value)``: what all members sent, in order of ranks, on member 0; None elsewhere;
        - ``from_root(value)``: what member 0 sent, on all members;
        - ``share(n)``: the (start, stop) of n items in a row that are this member's.

        Values are as of `features.messages.tidy`. Without a group, the training has one member.

    Attributes
    ----------
    n : int
        Number of threads.
    rank, size : int
        Which member of the training this is, and how many there are.
    """

    def __init__(self, n_jobs=1, group=None):
        self.n = count_jobs(n_jobs)
        self._group = group
        self.rank, self.size = (0, 1) if group is None else (group.rank, group.size)
        self._pool = ThreadPoolExecutor(self.n - 1) if self.n > 1 else None

    def map(self, function, items):
        """``[function(item) for item in items]``, in parallel; the results keep their order."""
        items = list(items)
        if self._pool is None or len(items) <= 1:
            return [function(item) for item in items]
        others = [self._pool.submit(function, item) for item in items[1:]]
        return [function(items[0])] + [other.result() for other in others]

    def each(self, function, items):
        """Call ``function(item)`` for every item; the next free thread takes the next item.

        For items that take differently long. An error ends the work once the calls that run are
        done, and is raised.

        Examples
        --------
        >>> SERIAL.each(print, "ab")
        a
        b
        """
        rest, lock = iter(items), Lock()
        end = object()

        def work(_):
            nonlocal rest
            try:
                while True:
                    with lock:
                        item = next(rest, end)
                    if item is end:
                        return
                    function(item)
            except BaseException:
                with lock:
                    rest = iter(())  # nothing is left for the others
                raise

        self.map(work, range(self.n))

    def ranges(self, n, tile=1):
        """Split range(n) into at most one (start, stop) a thread, at multiples of `tile`."""
        tiles = -(-n // tile)
        share = max(1, -(-tiles // self.n)) * tile
        return [(start, min(n, start + share)) for start in range(0, n, share)]

    def over_spans(self, function, n, tile=1):
        """Call ``function((start, stop))`` until all of range(n) is done.

        Parameters
        ----------
        function : callable
            Called once for each thread's part.
        n : int
        tile : int
            Parts begin at multiples of it.

        Examples
        --------
        >>> SERIAL.over_spans(print, 3)
        (0, 3)
        """
        if self._pool is None:
            function((0, n))
        else:
            self.map(function, self.ranges(n, tile))

    # ------------------------------------------------------------------ questions to all members
    # Every member asks the same questions in the same order. Random numbers are drawn by all
    # members alike, so never inside of a decision.

    def share(self, n):
        """The (start, stop) of `n` items in a row, photographs for example, that are this member's.

        Examples
        --------
        >>> SERIAL.share(10)
        (0, 10)
        """
        return (0, n) if self._group is None else self._group.share(n)

    def total(self, array):
        """Sum of an array over all members.

        Parameters
        ----------
        array : ndarray of integers
            The same shape and dtype on every member, and wide enough for the sum.

        Returns
        -------
        ndarray
            On every member; alone, `array` itself.

        Raises
        ------
        TypeError
            If the numbers are not integers: the sum of floats would depend on their order.

        Examples
        --------
        >>> SERIAL.total(np.array([1, 2])).tolist()
        [1, 2]
        """
        array = _whole(array)
        if self._group is None:
            return array
        parts = self._group.to_root(array)
        return self._group.from_root(None if parts is None else _added(parts))

    def largest(self, array):
        """Elementwise maximum of an array over all members.

        Parameters
        ----------
        array : ndarray
            The same shape and dtype on every member.

        Returns
        -------
        ndarray
        """
        array = np.asarray(array)
        if self._group is None:
            return array
        parts = self._group.to_root(array)
        return self._group.from_root(None if parts is None else np.maximum.reduce(parts))

    def decide(self, function, *parts):
        """``function(*totals)`` as member 0 computes it, known to all members.

        For everything that processors round differently, BLAS above all, and for what only one
        needs to know the totals of: they are not sent back to the others.

        Parameters
        ----------
        function : callable
            Called by member 0 alone. What it returns is as of `features.messages.tidy`.
        *parts : ndarray of integers
            Their totals over all members are the arguments; see `total`.

        Returns
        -------
        object
            What `function` returned, arrays C-contiguous.

        Examples
        --------
        >>> SERIAL.decide(lambda count: int(count) // 2, np.array(7))
        3
        """
        parts = tuple(_whole(part) for part in parts)
        if self._group is None:
            return tidy(function(*parts))
        if parts:
            sent = self._group.to_root(parts)
            parts = None if sent is None else [_added(same) for same in zip(*sent, strict=True)]
        return self._group.from_root(tidy(function(*parts)) if self.rank == 0 else None)

    def joined(self, array):
        """The rows of all members, in the order of their ranks; for small arrays.

        Parameters
        ----------
        array : ndarray
            Of the same dtype and width on every member; the number of rows may differ.

        Returns
        -------
        ndarray
        """
        array = np.asarray(array)
        if self._group is None:
            return array
        parts = self._group.to_root(array)
        return self._group.from_root(None if parts is None else np.concatenate(parts))

    def at_root(self, array):
        """The rows of all members, in the order of their ranks, on member 0; None elsewhere.

        Parameters
        ----------
        array : ndarray
            As of `joined`; may be large.
        """
        array = np.asarray(array)
        if self._group is None:
            return array
        parts = self._group.to_root(array)
        return None if parts is None else np.concatenate(parts)

    def alone(self):
        """The same threads, for what one member does on its own."""
        single = copy(self)
        single._group, single.rank, single.size = None, 0, 1
        return single

    def close(self):
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def _whole(array):
    array = np.asarray(array)
    if array.dtype.kind not in "iu":
        raise TypeError(f"sums over members are sums of integers, not of {array.dtype}")
    return array


def _added(parts):
    total = parts[0].copy()
    for part in parts[1:]:
        if part.shape != total.shape or part.dtype != total.dtype:
            raise ValueError(
                f"members disagree: {total.shape} of {total.dtype}, {part.shape} of {part.dtype}"
            )
        np.add(total, part, out=total)
    return total


#: The calling thread alone: what everything runs on where no workers are given.
SERIAL = Workers(1)
