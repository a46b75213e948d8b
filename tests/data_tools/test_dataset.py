import numpy as np
import pytest

from data_tools.dataset import FaceDataset, Skipped
from data_tools.schemes import Scheme
from features.errors import InputError

SHAPE = np.array([[4, 4], [12, 4], [8, 12]], np.float32)
BOX = (2, 2, 14, 14)


def faces(files):
    return FaceDataset.from_arrays(
        [np.full((20, 24), i % 256, np.uint8) for i in range(len(files))],
        np.stack([SHAPE + i for i in range(len(files))]) % 16,
        [BOX] * len(files),
        files=files,
    )


def test_from_arrays_takes_any_image_and_keeps_grey():
    colour = np.zeros((20, 24, 3), np.uint8)
    colour[..., 0] = 255
    images = [colour, np.full((20, 24), 0.5), np.full((20, 24), 7, np.uint8)]
    dataset = FaceDataset.from_arrays(images, [SHAPE] * 3, [BOX] * 3, color="rgb")
    assert len(dataset) == 3
    assert [int(dataset.image(i)[0, 0]) for i in range(3)] == [76, 128, 7]  # 0.299 red
    assert dataset.shapes.dtype == dataset.boxes.dtype == np.float32
    assert dataset.scheme.name == "points3"
    assert len(set(dataset.files)) == 3


def test_faces_of_one_array_share_its_grey_image():
    colour = np.zeros((20, 24, 3), np.uint8)
    dataset = FaceDataset.from_arrays([colour, colour], [SHAPE, SHAPE + 1], [BOX] * 2)
    assert dataset.image(0) is dataset.image(1)


def test_images_in_one_array_stay_apart():
    images = np.arange(9, dtype=np.uint8).repeat(20 * 24 * 3).reshape(9, 20, 24, 3)
    dataset = FaceDataset.from_arrays(images, [SHAPE] * 9, [BOX] * 9)
    assert [int(dataset.image(i).mean()) for i in range(9)] == list(range(9))


@pytest.mark.parametrize(
    "change, names",
    [
        ({"images": [np.zeros((20, 24), np.int32)]}, "image_000000.*int32"),
        ({"images": []}, "1 entries for 0 files"),
        ({"shapes": [SHAPE, SHAPE]}, "shapes has 2"),
        ({"shapes": SHAPE}, "shapes must be"),
        ({"shapes": [SHAPE * np.inf]}, "image_000000.*infinite"),
        ({"shapes": [SHAPE * np.nan]}, "image_000000.*spread"),
        ({"shapes": [SHAPE * 0 + 5]}, "image_000000.*spread"),
        ({"boxes": [(2, 2, 14, 2)]}, "image_000000.*degenerate"),
        ({"boxes": [(2, 2, np.nan, 9)]}, "image_000000.*degenerate"),
        ({"boxes": [(-9, 2, -1, 9)]}, "image_000000.*outside"),
        ({"boxes": [(2, 20, 9, 30)]}, "image_000000.*outside"),
        ({"boxes": [(2, 20, 9)]}, "boxes must be"),
        ({"shapes": [SHAPE * 1e30]}, "image_000000.*lies far from"),
        ({"shapes": [np.vstack([SHAPE[:-1], [[-1.1e6, 5]]])]}, r"landmark at \(-1\.1e\+06, 5\)"),
        ({"boxes": [(-1e30, 2, 1e30, 9)]}, "image_000000.*reaches far beyond"),
        ({"boxes": [(2, 2, 9, 1.1e6)]}, "image_000000.*reaches far beyond"),
        ({"scheme": "face68"}, "face68.*68"),
        ({"files": ["a", "b"]}, "files has 2"),
    ],
)
def test_from_arrays_refuses(change, names):
    good = {"images": [np.zeros((20, 24), np.uint8)], "shapes": [SHAPE], "boxes": [BOX]}
    FaceDataset.from_arrays(**good)
    with pytest.raises(InputError, match=names):
        FaceDataset.from_arrays(**{**good, **change})


def test_faces_of_files_are_checked_without_a_size():
    near = SHAPE + np.float32([9e5, 0])
    FaceDataset(["a.png"], [near], [BOX])
    for shape in (SHAPE * 1e30, SHAPE - 2e6):
        with pytest.raises(InputError, match=r"a\.png.*lies far from"):
            FaceDataset(["a.png"], [shape], [BOX])


def test_subset_keeps_faces_together():
    dataset = faces(["c", "a", "b"])
    for indices, expected in (
        ([2, 0], ["b", "c"]),
        (np.array([False, True, True]), ["a", "b"]),
        (slice(1, 2), ["a"]),
    ):
        part = dataset.subset(indices)
        assert part.files == expected
        for i, file in enumerate(expected):
            j = dataset.files.index(file)
            assert part.image(i) is dataset.image(j)
            np.testing.assert_array_equal(part.shapes[i], dataset.shapes[j])


def test_groups_follow_the_files():
    assert faces(["b", "a", "b", "c"]).groups.tolist() == [1, 0, 1, 2]


def test_split_keeps_blocks_of_neighbours_together():
    # 100 files of two faces each, the second faces after all first ones.
    names = [f"image_{i:04d}" for i in range(100)]
    dataset = faces(names + names)
    first, rest = dataset.split(0.75, seed=3)
    assert len(first) + len(rest) == 200
    assert abs(len(first) / 200 - 0.75) <= 0.04
    assert not set(first.files) & set(rest.files)
    in_first = np.isin(names, first.files)
    for start in range(0, 100, 8):
        assert len(set(in_first[start : start + 8])) == 1
    assert first.files == [file for file in dataset.files if file in set(first.files)]


def test_split_depends_on_the_seed_alone():
    dataset = faces([f"image_{i:04d}" for i in range(96)])
    first = dataset.split(0.5, seed=1)[0].files
    assert dataset.split(0.5, seed=1)[0].files == first
    assert dataset.split(0.5, seed=2)[0].files != first
    shuffled = dataset.subset(np.random.default_rng(0).permutation(96))
    assert sorted(shuffled.split(0.5, seed=1)[0].files) == first


@pytest.mark.parametrize("n_files, share", [(2, 0.01), (2, 0.99), (11, 0.9), (9, 0.5)])
def test_split_of_few_files_leaves_neither_part_empty(n_files, share):
    first, rest = faces([f"{i:02d}" for i in range(n_files)]).split(share, seed=0)
    assert len(first) and len(rest)
    assert abs(len(first) - share * n_files) <= 1


def test_split_refuses_what_cannot_be_split():
    with pytest.raises(InputError, match="share"):
        faces(["a", "b"]).split(1.0, seed=0)
    with pytest.raises(InputError, match="1 image files"):
        faces(["a", "a"]).split(0.5, seed=0)


def test_concatenate():
    one, two = faces(["a", "b"]), faces(["c"])
    one.skipped = [Skipped("d", "broken")]
    both = FaceDataset.concatenate([one, two])
    assert both.files == ["a", "b", "c"]
    assert both.image(2) is two.image(0)
    assert both.skipped == one.skipped
    np.testing.assert_array_equal(both.shapes, np.concatenate([one.shapes, two.shapes]))
    np.testing.assert_array_equal(both.sizes, [(24, 20)] * 3)


def test_concatenate_refuses_other_landmarks():
    one = faces(["a"])
    four = FaceDataset(["d"], [np.array([[1, 1], [2, 2], [5, 5], [9, 9]])], [BOX])
    with pytest.raises(InputError, match="a has 3 landmarks but d has 4"):
        FaceDataset.concatenate([one, four])
    other = FaceDataset(["e"], [SHAPE], [BOX], Scheme("ears", 3))
    with pytest.raises(InputError, match=r"points3.*ears"):
        FaceDataset.concatenate([one, other])
    with pytest.raises(InputError, match="at least one"):
        FaceDataset.concatenate([])


@pytest.mark.parametrize("wrong", [[[10**400] * 4], [["left"] * 4], [[1, 2, 3, None, 5], [1]]])
def test_boxes_that_are_no_numbers_are_named(wrong):
    with pytest.raises(InputError, match="boxes must be numbers"):
        FaceDataset(["a"], SHAPE[None], wrong)


def test_attributes_go_with_their_faces():
    shapes = np.float32([[[0, 0], [9, 9]]] * 3)
    boxes = np.float32([[0, 0, 9, 9]] * 3)
    faces = FaceDataset(
        list("abc"), shapes, boxes, attributes={"yaw": [10.0, 20, 30], "set": list("xyz")}
    )
    assert faces.subset([2, 0]).attributes["yaw"].tolist() == [30, 10]
    other = FaceDataset(list("d"), shapes[:1], boxes[:1], attributes={"yaw": [40.0]})
    joined = FaceDataset.concatenate([faces, other])
    assert list(joined.attributes) == ["yaw"]
    assert joined.attributes["yaw"].tolist() == [10, 20, 30, 40]
    with pytest.raises(InputError, match="'yaw' must be"):
        FaceDataset(list("ab"), shapes[:2], boxes[:2], attributes={"yaw": [1.0]})
