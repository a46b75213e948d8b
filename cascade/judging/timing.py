"""Times that can be compared: one thread, and nothing that only first calls do."""

from contextlib import contextmanager

import cv2

from features.threads import one_blas_thread

#: Calls that warm up a model before it is timed.
N_WARM_UP = 3


@contextmanager
def one_thread():
    """Hold BLAS and OpenCV to one thread each; others who ask for it wait."""
    with one_blas_thread():
        before = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            yield
        finally:
            cv2.setNumThreads(before)
