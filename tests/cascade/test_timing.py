"""One thread for what is timed, and warm calls before the clock starts."""

import threading

import cv2
import numpy as np
import pytest

from cascade.judging.evaluation import align_all, evaluate
from cascade.judging.timing import one_thread, warm_up


@pytest.fixture
def three_threads():
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield
    cv2.setNumThreads(before)


def test_opencv_gets_its_threads_back(three_threads):
    with one_thread():
        with one_thread():
            assert cv2.getNumThreads() == 1
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == 3
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert cv2.getNumThreads() == 3


def test_the_first_may_leave_before_the_second(three_threads):
    inside, leave = threading.Event(), threading.Event()
    seen = []

    def second():
        with one_thread():
            inside.set()
            leave.wait(10)
            seen.append(cv2.getNumThreads())

    thread = threading.Thread(target=second)
    with one_thread():
        thread.start()
        assert inside.wait(10)
    leave.set()
    thread.join()
    assert seen == [1] and cv2.getNumThreads() == 3


def test_warm_up_calls_three_times_and_times_the_first():
    calls = []
    assert 0 < warm_up(lambda: calls.append(np.ones(10_000).sum())) < 5
    assert len(calls) == 3


def test_evaluate_aligns_every_face_once(small_ert, synthetic, monkeypatch):
    few = synthetic.subset(slice(5))
    few.visible = np.ones(few.shapes.shape[:2], bool)
    boxes, align = [], small_ert.align

    def counting(image, box, **options):
        assert cv2.getNumThreads() == 1
        boxes.append(tuple(box))
        return align(image, box, **options)

    # In the instance, since the class belongs to all tests.
    monkeypatch.setitem(vars(small_ert), "align", counting)
    figures, predicted = evaluate(small_ert, few)
    assert boxes[3:] == [tuple(box) for box in few.boxes]
    np.testing.assert_array_equal(predicted, small_ert.predict_faces(few))
    assert figures["ms_per_face"] > 0 and "occluded" not in figures


def test_no_face(small_ert, synthetic):
    none = synthetic.subset([])
    assert len(align_all(small_ert, none).shapes) == 0
    assert evaluate(small_ert, none)[0]["ms_per_face"] is None
