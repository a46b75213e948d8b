"""BLAS on one thread, for blocks that overlap in time."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from features.threads import one_blas_thread


def n_threads():
    pools = ThreadpoolController().select(user_api="blas").lib_controllers
    return [pool.num_threads for pool in pools]


def set_threads(n):
    # In a thread that ends: as long as it lives, threadpoolctl lets no other thread change them.
    thread = threading.Thread(target=threadpool_limits, args=(n, "blas"))
    thread.start()
    thread.join()


@pytest.fixture
def two_threads():
    """BLAS at two threads, if its build has them."""
    np.ones((2, 2)) @ np.ones((2, 2))  # BLAS is loaded
    original = max(n_threads())
    set_threads(2)
    before = n_threads()
    if 2 not in before:
        pytest.skip("this BLAS has one thread alone")
    yield before
    set_threads(original)


def test_nested(two_threads):
    with one_blas_thread():
        with one_blas_thread():
            assert set(n_threads()) == {1}
        assert set(n_threads()) == {1}
    assert n_threads() == two_threads


def test_an_error_gives_the_threads_back(two_threads):
    with pytest.raises(KeyError), one_blas_thread():
        raise KeyError
    assert n_threads() == two_threads


def test_the_first_may_leave_before_the_second(two_threads):
    """Limits that each block restores by itself would end at one thread here."""
    inside, leave = threading.Event(), threading.Event()
    seen = []

    def second():
        with one_blas_thread():
            inside.set()
            leave.wait(10)
            seen.extend(n_threads())

    thread = threading.Thread(target=second)
    with one_blas_thread():
        thread.start()
        assert inside.wait(10)
    leave.set()
    thread.join()
    assert set(seen) == {1}
    assert n_threads() == two_threads


def test_as_a_decorator(two_threads):
    @one_blas_thread()
    def inside():
        return n_threads()

    assert set(inside()) == {1} == set(inside())
    assert n_threads() == two_threads


def test_trainings_side_by_side_leave_the_threads_as_they_were(two_threads, synthetic):
    from cascade import ERT, Starts

    def train(seed):
        ERT(n_stages=2, n_trees=4, n_points=40, starts=Starts(n=1), random_state=seed).fit(faces)

    faces = synthetic.subset(slice(20))
    threads = [threading.Thread(target=train, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert n_threads() == two_threads


_INTERRUPTED = """
import random, signal, sys
import numpy as np
from threadpoolctl import ThreadpoolController
from features.threads import one_blas_thread

def n_threads():
    pools = ThreadpoolController().select(user_api="blas").lib_controllers
    return [pool.num_threads for pool in pools]

def interrupt(*_):
    raise KeyboardInterrupt

np.ones((2, 2)) @ np.ones((2, 2))
before, moments, n = n_threads(), random.Random(0), 0
with one_blas_thread():
    pass
signal.signal(signal.SIGALRM, interrupt)
for _ in range(400):
    try:
        signal.setitimer(signal.ITIMER_REAL, moments.uniform(1e-4, 4e-3))
        for _ in range(300):
            with one_blas_thread():
                pass
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        n += 1
with one_blas_thread():
    pass
print(n, n_threads() == before)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_interrupts_at_any_moment_leave_the_threads_and_the_end_as_they_were():
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=120,  # a thread that nobody wakes would keep the process from ending
    )
    assert done.returncode == 0, done.stderr
    # Old versions of threadpoolctl look for libraries in a callback of C, where Python drops them.
    n_interrupts, restored = done.stdout.split()
    assert int(n_interrupts) > 20 and restored == "True"
