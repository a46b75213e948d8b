"""Conditions of time measurements: one thread, after warm-up calls."""

import threading
import time
from contextlib import contextmanager

import cv2

from features.threads import one_blas_thread

_N_WARM_UP = 3


@contextmanager
def one_thread():
    """Limit BLAS, OpenMP and OpenCV to one thread inside a ``with``.

    Blocks may be nested, and may overlap in several threads: the last one to end restores the
    numbers of threads that the first one found.
    """
    with one_blas_thread():
        _opencv.enter()
        try:
            yield
        finally:
            _opencv.leave()


def warm_up(call):
    """Call three times, so that compilation and caching are not measured.

    Parameters
    ----------
    call : callable
        Without arguments.

    Returns
    -------
    float
        Seconds of the first call.
    """
    began = time.perf_counter()
    call()
    seconds = time.perf_counter() - began
    for _ in range(_N_WARM_UP - 1):
        call()
    return seconds


class _OpenCV:
    """Who is inside, and OpenCV's own number of threads; it is that of the whole process."""

    def __init__(self):
        self.lock = threading.Lock()
        self.n_inside = 0

    def enter(self):
        with self.lock:
            if self.n_inside == 0:
                self.n_threads = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self.n_inside += 1

    def leave(self):
        with self.lock:
            self.n_inside -= 1
            if self.n_inside == 0:
                cv2.setNumThreads(self.n_threads)


_opencv = _OpenCV()
