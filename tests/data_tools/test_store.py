import gc
import os
import weakref

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

import data_tools.dataset
from data_tools.dataset import FaceDataset
from data_tools.schemes import Scheme
from data_tools.store import build_store
from features.errors import InputError
from features.frame import Frame
from features.geometry import from_box_frame

FRAME = Frame(size=128, face=72)
# A face as fractions of its box.
FACE = np.array([[0.1, 0.2], [0.8, 0.3], [0.5, 0.6], [0.4, 0.95]])
SCHEME = Scheme("kite", 4, flip=(1, 0, 2, 3))


def waves(width, height, periods=2):
    """A smooth image: a few waves over its whole extent."""
    y, x = np.mgrid[:height, :width]
    wave = np.sin(periods * 2 * np.pi * x / width) + np.cos(2 * np.pi * (x / width + y / height))
    return np.uint8(np.rint(127.5 + 60 * wave))


def face_in(box):
    left, top, right, bottom = box
    return np.array([left, top]) + FACE * (right - left, bottom - top)


def faces(boxes, size=(200, 160), scheme=SCHEME, **options):
    images = [waves(*size, periods=1 + i % 2) for i in range(len(boxes))]
    shapes = [face_in(box) for box in boxes]
    return FaceDataset.from_arrays(images, shapes, boxes, scheme, **options)


def read_at(image, points):
    return map_coordinates(image.astype(float), np.transpose(points)[::-1], order=1, mode="nearest")


BOXES = [(60, 40, 130, 110), (50.5, 60.2, 71, 85.7), (20, 10, 150, 150), (-30, 40, 30, 100)]


def test_crop_at_the_landmarks_is_the_photograph_at_the_landmarks():
    dataset = faces(BOXES)
    store = build_store(dataset, FRAME)
    assert len(store) == 8
    for row in range(len(store)):
        i = store.source[row]
        points = from_box_frame(store.shapes[row : row + 1], store.placements[row : row + 1])[0]
        truth = read_at(dataset.image(i), dataset.shapes[i])
        if store.mirrored[row]:
            truth = truth[list(SCHEME.flip)]
        # Rounding, and the tops of waves where the photograph shrinks; a crop that is off by one of
        # its pixels differs by up to seven levels.
        np.testing.assert_allclose(read_at(store.images[row], points), truth, rtol=0, atol=1.5)


def test_mirrored_copies_follow_the_faces():
    store = build_store(faces(BOXES), FRAME)
    assert store.source.tolist() == [0, 1, 2, 3] * 2
    assert store.groups.tolist() == [0, 1, 2, 3] * 2
    assert store.mirrored.tolist() == [False] * 4 + [True] * 4
    np.testing.assert_array_equal(store.images[4:], store.images[:4, :, ::-1])
    across, down, side = store.placements[:4].T
    mirrored = np.stack([store.frame.size - 1 - across, down, side], axis=1)
    np.testing.assert_allclose(store.placements[4:], mirrored, atol=1e-4)
    x = store.shapes[..., 0] * store.placements[:, None, 2] + store.placements[:, None, 0]
    np.testing.assert_allclose(x[4:], 127 - x[:4][:, list(SCHEME.flip)], atol=1e-4)
    assert store.shapes.dtype == store.placements.dtype == np.float32


@pytest.mark.parametrize("scheme, mirror", [(SCHEME, False), (Scheme("plain", 4), True)])
def test_no_mirrored_copies_without_wish_or_flip(scheme, mirror):
    store = build_store(faces(BOXES, scheme=scheme), FRAME, mirror=mirror)
    assert len(store) == 4 and not store.mirrored.any()


def test_missing_landmarks_stay_missing():
    dataset = faces(BOXES[:1])
    dataset.shapes[0, 0] = np.nan
    store = build_store(dataset, FRAME)
    missing = np.isnan(store.shapes).all(2)
    assert missing.tolist() == [[True, False, False, False], [False, True, False, False]]


def test_crops_do_not_grow_with_the_photograph():
    small, large = (
        build_store(faces([np.multiply(BOXES[0], zoom)], (200 * zoom, 160 * zoom)), FRAME)
        for zoom in (1, 10)
    )
    assert small.images.nbytes == large.images.nbytes == 2 * 128 * 128
    # The same face, too: only the resampling of the waves differs.
    np.testing.assert_allclose(large.images.astype(int), small.images.astype(int), atol=4)
    np.testing.assert_allclose(large.shapes, small.shapes, atol=1e-6)


def write_photographs(folder, n_photographs, faces_each):
    files, boxes = [], []
    for face in range(faces_each):
        for i in range(n_photographs):
            files.append(str(folder / f"{i}.png"))
            boxes.append(np.array([40, 30, 100, 90]) + 5 * face + i)
    for i in range(n_photographs):
        cv2.imwrite(files[i], waves(160, 130, periods=1 + i))
    size = np.tile([160, 130], (len(files), 1))
    return FaceDataset(files, [face_in(box) for box in boxes], boxes, SCHEME, sizes=size)


def test_each_photograph_is_read_once_and_let_go(tmp_path, monkeypatch):
    dataset = write_photographs(tmp_path, 3, faces_each=2)
    read, alive = [], []
    read_image = data_tools.dataset.read_image

    def spy(path):
        gc.collect()
        assert all(reference() is None for reference in alive), "two photographs in memory"
        image = read_image(path)
        read.append(path)
        alive.append(weakref.ref(image))
        return image

    monkeypatch.setattr(data_tools.dataset, "read_image", spy)
    calls = []
    store = build_store(dataset, FRAME, progress=lambda *call: calls.append(call))
    assert read == dataset.files[:3]
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert store.groups.tolist() == [0, 1, 2] * 4
    monkeypatch.undo()
    for i in range(6):
        expected, placement, _ = FRAME.crop(read_image(dataset.files[i]), dataset.boxes[i])
        np.testing.assert_array_equal(store.images[i], expected)
        np.testing.assert_array_equal(store.placements[i], placement)


def test_images_that_changed_are_named(tmp_path):
    dataset = write_photographs(tmp_path, 2, faces_each=1)
    path = tmp_path / "1.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(InputError, match=r"1\.png.*truncated"):
        build_store(dataset, FRAME)
    cv2.imwrite(str(path), waves(130, 160))
    with pytest.raises(InputError, match=r"1\.png.*130x160.*160x130"):
        build_store(dataset, FRAME)
    path.unlink()
    with pytest.raises(InputError, match=r"1\.png"):
        build_store(dataset, FRAME)


def test_a_box_outside_its_image_is_named(tmp_path):
    dataset = write_photographs(tmp_path, 1, faces_each=1)
    dataset = FaceDataset(dataset.files, dataset.shapes, [(900, 900, 950, 950)], SCHEME)
    with pytest.raises(InputError, match=r"0\.png.*outside"):
        build_store(dataset, FRAME)


def test_an_empty_dataset_is_refused():
    with pytest.raises(InputError, match="no face"):
        build_store(faces(BOXES).subset([]), FRAME)


def test_above_the_limit_crops_are_mapped_and_leave_nothing(tmp_path):
    dataset = faces(BOXES)
    in_memory = dataset.store(FRAME)
    n_bytes = in_memory.images.nbytes
    assert not isinstance(dataset.store(FRAME, memory_limit=n_bytes).images, np.memmap)
    mapped = dataset.store(FRAME, memory_limit=n_bytes - 1, folder=tmp_path)
    assert isinstance(mapped.images, np.memmap)
    np.testing.assert_array_equal(mapped.images, in_memory.images)
    # Shared by a slice, copied to another map by a choice that is again above the limit.
    assert np.shares_memory(mapped.subset(slice(2, 5)).images, mapped.images)
    mapped.memory_limit = 0
    part = mapped.subset([3, 1])
    assert isinstance(part.images, np.memmap)
    images = part.images
    del mapped, part
    gc.collect()
    np.testing.assert_array_equal(images, in_memory.images[[3, 1]])
    del images
    gc.collect()
    assert not os.listdir(tmp_path)


def test_no_room_for_the_map_is_said(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="missing"):
        faces(BOXES).store(FRAME, memory_limit=0, folder=tmp_path / "missing")
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(InputError, match="another disk"):
        faces(BOXES).store(FRAME, memory_limit=0, folder=tmp_path)


def test_subset_takes_masks_and_indices():
    store = build_store(faces(BOXES), FRAME)
    for indices in ([6, 0], store.mirrored, slice(1, 3)):
        part = store.subset(indices)
        for name in ("images", "placements", "shapes", "source", "groups", "mirrored"):
            np.testing.assert_array_equal(getattr(part, name), getattr(store, name)[indices])
        assert len(part) == len(part.images) and part.scheme is store.scheme


def test_real_faces(real_data):
    from data_tools.readers import read_folder

    dataset = read_folder(real_data / "300w/lfpw/testset").subset(slice(0, 20))
    store = dataset.store()
    assert store.images.shape == (40, 256, 256)
    # Eye corners lie on their sides in faces and mirrored faces alike.
    right, left = store.scheme.eye_corners
    assert (store.shapes[:, right, 0] < store.shapes[:, left, 0]).all()
    assert np.abs(store.shapes).max() < 1


def test_split_shares_no_photograph_and_keeps_twins_together(synthetic):
    store = synthetic.store()
    first, rest = store.split(0.3, 0)
    assert len(first) + len(rest) == len(store) and len(first) and len(rest)
    assert not set(first.groups) & set(rest.groups)
    assert not set(first.source) & set(rest.source)
    assert first.mirrored.sum() == len(first) / 2
    # The same photographs as those of the dataset.
    chosen, _ = synthetic.split(0.3, 0)
    assert {synthetic.files[i] for i in first.source} == set(chosen.files)


@pytest.mark.parametrize("share", [True, "x", 0, 1, 1.5, np.nan, None])
def test_split_says_what_share_may_be(synthetic, share):
    for some in (synthetic, synthetic.store()):
        with pytest.raises(InputError, match="share"):
            some.split(share, 0)


def test_text_is_short(synthetic):
    for some in (synthetic, synthetic.store(), synthetic.subset(slice(0, 0))):
        assert len(repr(some)) < 200 and str(len(some)) in repr(some)
