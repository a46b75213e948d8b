"""Memory that is asked for before it is taken."""

from types import SimpleNamespace

import numpy as np
import pytest

from features import memory
from features.errors import InputError
from features.hog import Hog
from features.lbf import LocalBinaryFeatures
from features.line_pixels import LineIndexedPixels
from features.opencv_forests import FacemarkForests
from features.pixels import ShapeIndexedPixels
from features.sift import Sift

MEAN = np.zeros((2, 2), np.float32)
TREES = np.zeros((4, 1), np.uint8)
FEATURES = [
    FacemarkForests(MEAN, np.zeros((4, 1, 4)), TREES),
    Hog().fit(None, None, MEAN, None),
    LocalBinaryFeatures(np.zeros((9, 2), np.float32), TREES, TREES, TREES),
    LineIndexedPixels(np.zeros((2, 9), np.uint16), np.zeros(9, np.float32)),
    ShapeIndexedPixels(np.zeros(9, np.uint16), np.zeros((9, 2), np.float32)),
    Sift().fit(None, None, MEAN, None),
]


def test_what_is_there_is_given():
    assert memory.available_memory() is None or memory.available_memory() > 0
    assert memory.allocate((3, 4), np.int16, "numbers", "take fewer").shape == (3, 4)


def test_the_figure_is_named_before_memory_is_taken(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 100 << 20)
    with pytest.raises(
        InputError, match=r"faces need 200 MiB .* 100 MiB are available; take fewer"
    ):
        memory.allocate((200, 1 << 20), np.uint8, "the faces", "take fewer")


@pytest.mark.parametrize("there", [None, 1 << 80])
def test_beyond_any_machine(monkeypatch, there):
    monkeypatch.setattr(memory, "available_memory", lambda: there)
    for shape in ((1 << 50, 8), (1 << 40, 1 << 40)):  # the second overflows 64 bits
        with pytest.raises(InputError, match="TiB"):
            memory.allocate(shape, np.float32, "the faces", "take fewer")


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.KIND)
def test_features_of_more_samples_than_fit(feature):
    samples = SimpleNamespace(
        index=np.broadcast_to(np.intp(0), 1 << 50), images=np.zeros((1, 8, 8), np.uint8)
    )
    with pytest.raises(InputError, match=r"of all samples need .* TiB.*; take fewer"):
        feature.extract(samples, MEAN)
