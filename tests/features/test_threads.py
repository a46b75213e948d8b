"""BLAS on one thread, asked for by several threads at once."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from features.threads import one_blas_thread


def n_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_several_threads_each_find_one_and_leave_all():
    np.ones((2, 2)) @ np.ones((2, 2))  # BLAS is loaded
    seen, wrong = [], []

    def work():
        for _ in range(20):
            with one_blas_thread():
                seen.append(n_threads())
                with one_blas_thread():
                    pass
                if set(n_threads()) != {1}:
                    wrong.append(n_threads())

    threads = [threading.Thread(target=work) for _ in range(3)]
    initial = n_threads()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 60 and not wrong and all(set(found) == {1} for found in seen)
    assert n_threads() == initial


def test_an_error_restores_too():
    initial = n_threads()
    with pytest.raises(KeyError), one_blas_thread():
        raise KeyError
    assert n_threads() == initial
