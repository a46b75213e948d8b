"""Linear algebra on one thread, where the order of adding decides the last bit."""

import threading
from contextlib import contextmanager

_lock = threading.RLock()


@contextmanager
def one_blas_thread():
    """Hold BLAS to one thread: the order in which it adds depends on their number.

    The number of threads belongs to the whole process, and who ends first would restore it under
    the others. So one thread of the program is inside at a time, as often as it likes; others wait.
    """
    from threadpoolctl import threadpool_limits  # training alone needs it

    with _lock, threadpool_limits(1):
        yield
