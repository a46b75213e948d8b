import cv2
import numpy as np
import pytest

from features.errors import InputError
from features.images import as_grey, read_image

COLOUR = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)


def test_grey_is_returned_as_it_is():
    grey = np.ascontiguousarray(COLOUR[:, :, 0])
    assert as_grey(grey) is grey


def test_kinds_of_images_agree():
    expected = cv2.cvtColor(COLOUR, cv2.COLOR_BGR2GRAY)
    frozen = COLOUR.copy()
    frozen.flags.writeable = False
    rgba = np.dstack([COLOUR[:, :, ::-1], np.full((9, 7), 3, np.uint8)])
    np.testing.assert_array_equal(as_grey(frozen), expected)
    np.testing.assert_array_equal(as_grey(COLOUR[:, :, ::-1], color="rgb"), expected)
    np.testing.assert_array_equal(as_grey(rgba, color="rgb"), expected)
    np.testing.assert_array_equal(as_grey(COLOUR.astype(np.uint16) * 257), expected)
    np.testing.assert_array_equal(as_grey(COLOUR / 255.0), expected)
    np.testing.assert_array_equal(as_grey(expected[:, :, None]), expected)
    np.testing.assert_array_equal(as_grey(COLOUR[::-1])[::-1], expected)
    assert as_grey(np.zeros((1, 1), np.uint8)).shape == (1, 1)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 4), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4), np.int32),
        np.full((4, 4), 1.5),
        np.full((4, 4), np.nan),
        np.full((4, 4), -0.1),
    ],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(InputError):
        as_grey(image)


def test_read_image(tmp_path):
    path = tmp_path / "a face.png"
    cv2.imwrite(str(path), COLOUR)
    np.testing.assert_array_equal(read_image(path, grey=False), COLOUR)
    assert read_image(path).shape == (9, 7)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_truncated_image_is_refused(tmp_path, suffix):
    whole, part = tmp_path / f"whole{suffix}", tmp_path / f"part{suffix}"
    cv2.imwrite(str(whole), cv2.resize(COLOUR, (200, 200)))
    part.write_bytes(whole.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"part.*truncated"):
        read_image(part)


def test_unreadable_files_are_named(tmp_path):
    path = tmp_path / "x.jpg"
    with pytest.raises(InputError, match=r"x\.jpg: cannot read"):
        read_image(path)
    path.write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"x\.jpg: not an image"):
        read_image(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"x\.jpg"):
        read_image(path)
