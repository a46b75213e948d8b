"""Threads over kernels that release the GIL."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from .errors import InputError, require_count

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
        raise InputError("n_jobs is 0, and 0 threads do no work; take 1 or more, or -1")
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
    """

    def __init__(self, n_jobs=1):
        self.n = count_jobs(n_jobs)
        self._pool = ThreadPoolExecutor(self.n - 1) if self.n > 1 else None

    def map(self, function, items):
        """``[function(item) for item in items]``, in parallel; the results keep their order."""
        items = list(items)
        if self._pool is None or len(items) <= 1:
            return [function(item) for item in items]
        others = [self._pool.submit(function, item) for item in items[1:]]
        return [function(items[0])] + [other.result() for other in others]

    def each(self, function, items):
        """Call ``function(item)`` for every item; whoever is free takes the next one.

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

    def close(self):
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


#: The calling thread alone: what everything runs on where no workers are given.
SERIAL = Workers(1)
