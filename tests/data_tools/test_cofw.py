"""COFW's Matlab files, made here with h5py as Matlab lays them out."""

import sys

import numpy as np
import pytest
from scipy.io import savemat

from data_tools.readers import read_cofw
from features.errors import InputError

h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install h5py")

POINTS = np.stack(np.meshgrid(np.arange(8.0), np.arange(4.0)), -1).reshape(-1, 2)[:29] * 3 + 10


def annotations():
    """Two faces: x and y from 1, and flags of occlusion."""
    rng = np.random.default_rng(0)
    covered = rng.integers(0, 2, (2, 29)).astype(float)
    shapes = np.stack([POINTS, POINTS + np.array([2, 5])])
    table = np.hstack([shapes[..., 0] + 1, shapes[..., 1] + 1, covered])
    return table, shapes, covered


def pictures():
    """A colour image (40, 60) with a bright right edge, and a grey one (50, 45)."""
    colour = np.zeros((40, 60, 3), np.uint8)
    colour[..., 0] = 200  # red
    colour[:, 50:] = 255
    return [colour, np.full((50, 45), 77, np.uint8)]


def write(path, part="Tr", table=None, boxes=None, images=None):
    table = annotations()[0] if table is None else table
    boxes = np.array([[9.0, 8.0, 30.0, 20.0], [11.0, 13.0, 30.0, 20.0]]) if boxes is None else boxes
    with h5py.File(path, "w") as file:
        references = np.empty((1, len(table)), h5py.ref_dtype)
        for i, image in enumerate(pictures() if images is None else images):
            file[f"#refs#/{i}"] = np.asarray(image).T
            references[0, i] = file[f"#refs#/{i}"].ref
        file.create_dataset(f"Is{part}", data=references)
        file[f"phis{part}"] = table.T
        file[f"bboxes{part}"] = boxes.T
    return path


@pytest.mark.parametrize("part", ["Tr", "T"])
def test_what_matlab_counts_from_one_counts_from_zero(tmp_path, part):
    ticks = []
    faces = read_cofw(
        write(tmp_path / "COFW.mat", part), progress=lambda done, total: ticks.append((done, total))
    )
    _, shapes, covered = annotations()
    assert faces.scheme.name == "cofw29" and faces.files == ["COFW_0001", "COFW_0002"]
    np.testing.assert_allclose(faces.shapes, shapes)
    np.testing.assert_array_equal(faces.visible, covered == 0)
    np.testing.assert_allclose(faces.boxes[0], [8, 7, 38, 27])
    assert faces.image(0).shape == (40, 60) and faces.image(1).shape == (50, 45)
    # Red is 0.3 of grey, blue would be 0.1.
    assert abs(int(faces.image(0)[20, 10]) - 60) < 3 and faces.image(0)[20, 55] == 255
    assert ticks == [(1, 2), (2, 2)]


def test_unusable_faces_are_left_out(tmp_path):
    boxes = np.array([[500.0, 8.0, 30.0, 20.0], [11.0, 13.0, 30.0, 20.0]])
    faces = read_cofw(write(tmp_path / "c.mat", boxes=boxes))
    assert faces.files == ["c_0002"] and len(faces.skipped) == 1
    assert "outside" in faces.skipped[0].reason


def test_68_points_of_the_test_faces(tmp_path):
    shapes = np.random.default_rng(1).uniform(10, 30, (2, 68, 2))
    covered = np.zeros((2, 1, 68))
    covered[1, 0, 5:9] = 1
    for i in range(2):
        content = {"Points": shapes[i] + 1, "Occ": covered[i]}
        savemat(tmp_path / f"{i + 1}_points.mat", content, do_compression=True)
    path = write(tmp_path / "COFW_test_color.mat", "T")
    faces = read_cofw(path, points68=tmp_path)
    assert faces.scheme.name == "face68"
    np.testing.assert_allclose(faces.shapes, shapes, rtol=1e-6)
    assert np.flatnonzero(~faces.visible[1]).tolist() == [5, 6, 7, 8] and faces.visible[0].all()
    savemat(tmp_path / "2_points.mat", {"Points": shapes[0], "Occ": covered[0, :, :9]})
    with pytest.raises(InputError, match=r"2_points\.mat: need Points"):
        read_cofw(path, points68=tmp_path)
    (tmp_path / "2_points.mat").write_bytes(b"no Matlab file, but long enough" * 9)
    with pytest.raises(InputError, match=r"2_points\.mat"):
        read_cofw(path, points68=tmp_path)
    (tmp_path / "2_points.mat").unlink()
    with pytest.raises(InputError, match=r"2_points\.mat: cannot read"):
        read_cofw(path, points68=tmp_path)


def spoil(path, name, change):
    with h5py.File(path, "r+") as file:
        change(file, name)


def replace(content):
    def change(file, name):
        del file[name]
        file[name] = content

    return change


def elsewhere(file, name):
    del file[name]
    file[name] = h5py.ExternalLink("/etc/hostname", "/x")


def outside(file, name):
    del file[name]
    file.create_dataset(name, (4, 2), "u1", external=[("/etc/hostname", 0, 8)])


def virtual(file, name):
    del file[name]
    layout = h5py.VirtualLayout((4, 2), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4, 2))
    file.create_virtual_dataset(name, layout)


def null_reference(file, name):
    references = file[name][()]
    references[0, 1] = h5py.Reference()
    del file[name]
    file.create_dataset(name, data=references, dtype=h5py.ref_dtype)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("phisTr", replace(np.zeros((29, 2))), "phisTr must be a matrix of 87"),
        ("phisTr", replace(np.zeros((87, 0))), "0 rows"),
        ("phisTr", replace(np.full((87, 2), np.nan)), "no positions in an image"),
        ("phisTr", replace("text"), "phisTr"),
        ("bboxesTr", replace(np.zeros((4, 3))), "3 boxes"),
        ("bboxesTr", elsewhere, "no variable bboxesTr"),
        ("bboxesTr", outside, "another file"),
        ("bboxesTr", virtual, "another file"),
        ("IsTr", replace(np.zeros((1, 2))), "must be a cell array"),
        ("IsTr", null_reference, "image 2"),
        ("#refs#/1", replace(np.zeros((4, 4))), "8 bits"),
        ("#refs#/1", replace(np.zeros((4, 5, 6), np.uint8)), "8 bits"),
        ("#refs#/1", outside, "another file|8 bits"),
    ],
)
def test_what_is_not_cofw_is_refused(tmp_path, name, change, words):
    path = write(tmp_path / "c.mat")
    if name.startswith("#"):  # the reference must lead to the new dataset

        def through(file, name):
            change(file, name)
            references = file["IsTr"][()]
            references[0, 1] = file[name].ref
            file["IsTr"][...] = references

        spoil(path, name, through)
    else:
        spoil(path, name, change)
    with pytest.raises(InputError, match=words):
        read_cofw(path)


def test_other_files_are_refused(tmp_path, monkeypatch):
    (tmp_path / "old.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    with pytest.raises(InputError, match=r"version 7\.3"):
        read_cofw(tmp_path / "old.mat")
    with pytest.raises(InputError, match="no such file"):
        read_cofw(tmp_path / "none.mat")
    with h5py.File(tmp_path / "empty.mat", "w"):
        pass
    with pytest.raises(InputError, match="no variable phisT"):
        read_cofw(tmp_path / "empty.mat")
    path = write(tmp_path / "c.mat")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match="pip install h5py"):
        read_cofw(path)
