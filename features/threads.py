"""Linear algebra on one thread: BLAS adds in an order that depends on their number."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager


@contextmanager
def one_blas_thread():
    """Hold BLAS and OpenMP to one thread inside a ``with``, or a function it decorates.

    Most builds of BLAS have one number of threads for the whole process. So it is counted who is
    inside: blocks may be nested, and may overlap in several threads. The last to leave gives BLAS
    back the numbers of threads that the first one found.

    Examples
    --------
    >>> import numpy as np
    >>> with one_blas_thread():
    ...     product = np.ones((2, 3)) @ np.ones((3, 2))
    >>> product.tolist()
    [[3.0, 3.0], [3.0, 3.0]]
    """
    from threadpoolctl import ThreadpoolController  # whoever only predicts does without

    pools = ThreadpoolController()
    _process.enter(pools.select(user_api="blas"))
    try:
        # OpenMP, and BLAS built on it or from MKL, have a number for each thread.
        with pools.limit(limits=1):
            yield
    finally:
        _process.leave()


class _Process:
    """The limit that all threads of the process share."""

    def __init__(self):
        self.lock = threading.Lock()
        self.n_inside = 0

    def enter(self, pools):
        with self.lock:
            if self.n_inside == 0:
                self.libraries, self.limits = set(), ExitStack()
                # A thread of its own: threadpoolctl lets only that thread change a limit which
                # has set it, and whoever enters first may leave first.
                self.keeper = ThreadPoolExecutor(1)
            self.n_inside += 1
            self.keeper.submit(self._limit, pools).result()

    def leave(self):
        with self.lock:
            self.n_inside -= 1
            if self.n_inside == 0:
                self.keeper.submit(self.limits.close).result()
                self.keeper.shutdown()

    def _limit(self, pools):
        found = {library.filepath for library in pools.lib_controllers}
        if found - self.libraries:  # at the first entry, or loaded since
            self.limits.enter_context(pools.limit(limits=1))
            self.libraries |= found


_process = _Process()
if hasattr(os, "register_at_fork"):
    # The thread that keeps the limit, and perhaps who holds the lock, are not in the child.
    os.register_at_fork(after_in_child=_process.__init__)
