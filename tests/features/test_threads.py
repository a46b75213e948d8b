"""BLAS on one thread, for blocks that overlap in time."""

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
