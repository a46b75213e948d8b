"""Numba's compilation, announced and timed."""

import threading
import time
from contextlib import contextmanager

from numba.core import event

OUR_PACKAGES = ("cascade", "features", "data_tools")
_SUBJECT = "numba:compile"


class Compiling(event.Listener):
    """Reports to `progress` when our kernels begin to compile, and how long that took.

    Kernels compile the kernels that they call within their own time: only the outermost counts.

    Parameters
    ----------
    progress : cascade.loop.progress.Console
    clock : callable
        Seconds.
    """

    def __init__(self, progress, clock=time.perf_counter):
        self._progress = progress
        self._clock = clock
        self._local = threading.local()

    def on_start(self, happening):
        """A dispatcher begins to compile."""
        depth = getattr(self._local, "depth", 0)
        self._local.depth = depth + 1
        if depth == 0:
            self._local.began = self._clock()
            module = happening.data["dispatcher"].py_func.__module__
            if module.partition(".")[0] in OUR_PACKAGES:
                self._progress.compiling()

    def on_end(self, happening):
        """A dispatcher is compiled."""
        self._local.depth = depth = getattr(self._local, "depth", 1) - 1
        if depth == 0:
            self._progress.compiled(self._clock() - self._local.began)


@contextmanager
def listening(progress):
    """Tell `progress` of compilation while this lasts."""
    with event.install_listener(_SUBJECT, Compiling(progress)):
        yield
