"""Linear algebra on one thread: with several, BLAS may add in another order."""

import os
import threading
from contextlib import contextmanager


@contextmanager
def one_blas_thread():
    """Limit BLAS to one thread inside a ``with``, or in a function that this decorates.

    In most builds of BLAS, the number of threads belongs to the whole process. So the blocks that
    are active are counted: they may be nested, and may overlap in several threads. The last one to
    end restores the number of threads that the first one found.

    Examples
    --------
    >>> import numpy as np
    >>> with one_blas_thread():
    ...     product = np.ones((2, 3)) @ np.ones((3, 2))
    >>> product.tolist()
    [[3.0, 3.0], [3.0, 3.0]]
    """
    from threadpoolctl import ThreadpoolController  # whoever only predicts does without

    pools = ThreadpoolController().select(user_api="blas")
    # BLAS built on OpenMP, or from MKL, has a number for each thread.
    own = pools.select(threading_layer="openmp", internal_api="mkl")
    shared = [library for library in pools.lib_controllers if library not in own.lib_controllers]
    block = object()
    try:
        _process.enter(block, shared)
        with own.limit(limits=1):
            yield
    finally:
        try:
            _process.leave(block)
        except BaseException:  # Ctrl-C before it was counted out; leaving twice does no harm
            _process.leave(block)
            raise


class _Process:
    """The limit that all threads of the process share.

    Ctrl-C may come at any moment. So a number is kept before it is changed, and forgotten after it
    is restored; what an interrupted block leaves over, the next one that leaves restores.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.inside = set()
        self.before = {}

    def enter(self, block, libraries):
        with self.lock:
            self.inside.add(block)
            for library in libraries:
                self.before.setdefault(library.filepath, (library, library.num_threads))
                _set_threads(library, 1)

    def leave(self, block):
        with self.lock:
            self.inside.discard(block)
            while self.before and not self.inside:
                file, (library, n_threads) = next(iter(self.before.items()))
                _set_threads(library, n_threads)
                del self.before[file]


def _set_threads(library, n_threads):
    # Newer versions of threadpoolctl ignore every thread but the one that changed the number
    # first, as long as that one lives; but whoever enters first may leave first.
    release = getattr(library, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
    if n_threads is not None:
        library.set_num_threads(n_threads)
    if release is not None:
        release(force=True)


_process = _Process()
if hasattr(os, "register_at_fork"):
    # Who holds the lock is not in the child.
    os.register_at_fork(after_in_child=_process.__init__)
