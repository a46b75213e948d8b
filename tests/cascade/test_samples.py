import numpy as np
import pytest

from cascade.stages.samples import Residuals, Samples
from features.errors import InputError
from features.geometry import inverse, rotate, similarity


def make(rng, n=20):
    mean = rng.normal(0, 0.3, (9, 2)).astype(np.float32)
    mean -= mean.mean(0)
    shapes = (mean + rng.normal(0, 0.1, (n, 9, 2))).astype(np.float32)
    truth = (mean + rng.normal(0, 0.1, (n, 9, 2))).astype(np.float32)
    truth[3, 4] = np.nan
    return mean, Samples(None, np.arange(n), None, shapes, truth)


def test_residuals_equal_the_plain_formula():
    mean, samples = make(np.random.default_rng(0))
    linear, _ = similarity(mean, samples.shapes)
    expected = rotate(samples.truth - samples.shapes, inverse(linear)).reshape(20, 18)
    np.testing.assert_allclose(samples.residuals(mean), expected, atol=1e-5)
    assert np.isnan(samples.residuals(mean)[3, 8:10]).all()


def test_residuals_of_some_rows_are_those_of_all():
    mean, samples = make(np.random.default_rng(6))
    samples = samples.rows(np.array([3, 3, 7, 19, 0]))
    part, whole = Residuals(samples, mean), samples.residuals(mean)
    assert part.shape == whole.shape == (5, 18) and len(part) == 5
    np.testing.assert_array_equal(part[1:4], whole[1:4])
    assert np.isnan(whole[:2, 8:10]).all() and np.isfinite(whole[2:]).all()


def test_moving_by_the_residuals_reaches_the_truth():
    mean, samples = make(np.random.default_rng(1))
    samples.move(np.nan_to_num(samples.residuals(mean)), mean)
    seen = np.isfinite(samples.truth)
    np.testing.assert_allclose(samples.shapes[seen], samples.truth[seen], atol=1e-5)


def test_parts_share_memory():
    mean, samples = make(np.random.default_rng(2))
    samples.placements = np.zeros((20, 3))
    before = samples.shapes[5:9].copy()
    samples.part(5, 9).move(np.ones((4, 18), np.float32), mean)
    assert (samples.shapes[5:9] != before).all()


def test_starts_of_a_face_follow_one_another(synthetic):
    store = synthetic.subset(slice(0, 5)).store(mirror=False)
    starts = np.random.default_rng(3).normal(0, 1, (15, 68, 2)).astype(np.float32)
    samples = Samples.from_store(store, starts)
    for i in range(5):
        for j in range(3):
            row = i * 3 + j
            assert samples.index[row] == i
            np.testing.assert_array_equal(samples.shapes[row], starts[row])
            np.testing.assert_array_equal(samples.truth[row], store.shapes[i])
            np.testing.assert_array_equal(samples.placements[row], store.placements[i])


def test_parts_know_their_place_among_all_samples():
    _, samples = make(np.random.default_rng(2))
    assert (samples.first, samples.n_all) == (0, 20)
    part = samples.part(5, 9).part(1, 3)
    assert (part.first, part.n_all, len(part)) == (6, 20, 2)
    chosen = samples.rows(np.array([7, 3]))
    assert (chosen.first, chosen.n_all) == (0, 2)


def read_only(image, folder):
    """The same pixels in an array that must not be written."""
    locked = image.copy()
    locked.flags.writeable = False
    return locked


def mapped(image, folder):
    """The same pixels in a file that is mapped to memory, for reading alone."""
    file = folder / "pixels"
    image.tofile(file)
    return np.memmap(file, np.uint8, "r", shape=image.shape)


@pytest.mark.parametrize("other", [read_only, mapped])
def test_images_that_must_not_be_written_compile_nothing_anew(
    small_ert, synthetic, tmp_path, other
):
    image, box = synthetic.image(0).copy(), synthetic.boxes[0]
    expected = small_ert.predict(image, box)
    before = [list(runner.kernel.signatures) for runner in small_ert.runners]
    assert all(before)
    locked = other(image, tmp_path)
    assert not locked.flags.writeable
    np.testing.assert_array_equal(small_ert.predict(locked, box), expected)
    assert [list(runner.kernel.signatures) for runner in small_ert.runners] == before


def test_samples_keep_the_owner_of_images_that_must_not_be_written(tmp_path):
    pixels = np.arange(40 * 50, dtype=np.uint8).reshape(1, 40, 50)
    samples = Samples(mapped(pixels, tmp_path), np.zeros(1, int), None, None)
    # The mapping has no other owner: had it none, this would read memory that is gone.
    np.testing.assert_array_equal(samples.images, pixels)


@pytest.mark.parametrize("height, width", [(0, 9), (9, 0)])
def test_images_without_pixels_are_refused_before_any_kernel(height, width):
    images = np.empty((1, height, width), np.uint8)
    with pytest.raises(InputError, match=f"{width}x{height} pixels is empty"):
        Samples(images, np.zeros(1, int), np.zeros((1, 3), "f4"), np.zeros((1, 3, 2), "f4"))
