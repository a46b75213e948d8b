import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment
from scipy.spatial import procrustes

from data_tools.schemes import SCHEMES, Scheme, get_scheme, scheme_for
from features.errors import InputError
from features.geometry import procrustes_mean

TRIANGLE = Scheme("triangle", 3, flip=(1, 0, 2), groups={"all": ([0, 1, 2], True)})


@pytest.mark.parametrize("name", SCHEMES)
def test_built_in_schemes_survive_json(name):
    scheme = SCHEMES[name]
    assert Scheme.from_dict(json.loads(json.dumps(scheme.to_dict()))) == scheme
    first = next(other for other in SCHEMES.values() if other.n_points == scheme.n_points)
    assert scheme_for(scheme.n_points) is first
    assert get_scheme(name) is scheme


def test_names_of_landmarks_are_kept_and_left_out_where_there_are_none():
    named = Scheme("ear", 2, names=["lobe", "tip"])
    assert Scheme.from_dict(json.loads(json.dumps(named.to_dict()))) == named
    assert "names" not in Scheme("ear", 2).to_dict()
    for wrong in (["lobe"], ["lobe", 3], "ab", ["lobe", "x" * 81]):
        with pytest.raises(InputError, match="names of landmark scheme 'ear'"):
            Scheme("ear", 2, names=wrong)


@pytest.mark.parametrize("name", SCHEMES)
def test_groups_cover_every_landmark_once_and_mirror_onto_groups(name):
    scheme = SCHEMES[name]
    points = [i for group, _ in scheme.groups.values() for i in group]
    assert sorted(points) == list(range(scheme.n_points))
    sets = {frozenset(group) for group, _ in scheme.groups.values()}
    assert {frozenset(scheme.flip[i] for i in group) for group in sets} == sets
    if scheme.eye_corners is not None:
        right, left = scheme.eye_corners
        assert scheme.flip[right] == left
    if scheme.pupils is not None:
        assert {scheme.flip[i] for i in scheme.pupils[0]} == set(scheme.pupils[1])


def test_every_number_of_points_that_data_sets_have_is_known():
    for n_points in (5, 19, 20, 21, 29, 39, 58, 68, 76, 98, 106, 194):
        assert scheme_for(n_points).flip is not None
    # What normalises: profile faces have one eye, and papers divide by the size of the box.
    bare = [name for name, s in SCHEMES.items() if s.eye_corners is None and s.pupils is None]
    assert bare == ["menpo39"]


def test_five_points_are_those_of_68():
    at = np.array([45, 42, 36, 39, 33])
    large, small = SCHEMES["face68"], SCHEMES["face5"]
    assert [large.flip[i] for i in at] == [at[i] for i in small.flip]
    assert tuple(at[list(small.eye_corners)]) == large.eye_corners


def test_nineteen_points_are_the_21_of_aflw_without_ears():
    at = [i for i in range(21) if i not in (12, 16)]
    large, small = SCHEMES["aflw21"], SCHEMES["aflw19"]
    assert [large.flip[i] for i in at] == [at[i] for i in small.flip]


# By hand, from where each landmark of the data set's own drawing lies.
@pytest.mark.parametrize(
    "name, pairs, middle",
    [
        ("cofw29", [(0, 1), (2, 3), (4, 6), (5, 7), (12, 14), (13, 15), (16, 17), (22, 23)],
         [20, 21, 24, 25, 26, 27, 28]),
        ("aflw19", [(0, 5), (2, 3), (6, 11), (8, 9), (12, 14), (15, 17)], [13, 16, 18]),
        ("wflw98", [(0, 32), (33, 46), (38, 50), (41, 47), (60, 72), (67, 73), (76, 82), (87, 83),
                    (95, 93), (96, 97)], [16, 51, 52, 53, 54, 57, 79, 85, 90, 94]),
        ("centres5", [(0, 1), (3, 4)], [2]),
        ("bioid20", [(0, 1), (2, 3), (4, 7), (5, 6), (8, 13), (9, 12), (10, 11), (15, 16)],
         [14, 17, 18, 19]),
        ("lapa106", [(0, 32), (33, 46), (38, 50), (41, 47), (55, 65), (59, 61), (66, 79), (70, 75),
                     (71, 82), (73, 80), (74, 83), (84, 90), (95, 91), (96, 100), (103, 101),
                     (104, 105)], [16, 51, 52, 53, 54, 60, 87, 93, 98, 102]),
        ("helen194", [(0, 40), (41, 57), (58, 72), (73, 85), (86, 100), (101, 113), (114, 134),
                      (133, 153), (154, 174)], [20, 49, 65, 79, 93, 107]),
        ("muct76", [(0, 14), (15, 21), (20, 26), (27, 32), (31, 36), (46, 47), (48, 54), (59, 55),
                    (60, 62), (65, 63), (68, 72), (71, 75)], [7, 41, 51, 57, 61, 64, 66, 67]),
    ],
)  # fmt: skip
def test_flip_by_hand(name, pairs, middle):
    flip = SCHEMES[name].flip
    assert all(flip[a] == b and flip[b] == a for a, b in pairs)
    assert [i for i, j in enumerate(flip) if i == j] == middle


@pytest.mark.parametrize("folder, name", [("300w/lfpw/testset", "face68"), ("imm", "imm58")])
def test_flip_agrees_with_the_mean_of_real_faces(real_data, folder, name):
    from data_tools.readers import read_pts

    shapes = np.stack([read_pts(path) for path in sorted((real_data / folder).glob("*.pts"))[:120]])
    mean = procrustes_mean(shapes)
    mean -= mean.mean(0)
    scheme = SCHEMES[name]
    # Whatever index the scheme claims, the counterpart is the landmark nearest to the reflection.
    distances = np.linalg.norm((mean * (-1, 1))[:, None] - mean[None], axis=2)
    assert tuple(distances.argmin(1)) == scheme.flip
    right, left = (mean[list(points)].mean(0) for points in scheme.pupils)
    assert right[0] < 0 < left[0]
    assert mean[scheme.eye_corners[0], 0] < right[0]


def test_flip_of_muct_agrees_with_its_own_points(real_data):
    path = real_data / "formats" / "muct76-opencv.head.csv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    table = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(2, 138))
    shapes = table.reshape(len(table), 68, 2)
    mean = procrustes_mean(shapes[(shapes != 0).any(2).all(1)])
    mean -= mean.mean(0)
    distances = np.linalg.norm((mean * (-1, 1))[:, None] - mean[None], axis=2)
    # The camera does not stand in front of every face, and eyebrows are thin: the nearest pairs
    # of all landmarks together, where each is taken once.
    assert tuple(linear_sum_assignment(distances)[1]) == SCHEMES["muct68"].flip
    assert SCHEMES["muct76"].flip[:68] == SCHEMES["muct68"].flip


@pytest.mark.parametrize("folder, name", [("lapa", "lapa106"), ("wflw", "wflw98")])
def test_flip_agrees_with_single_faces(real_data, folder, name):
    path = real_data / "formats/coco" / folder / f"test_{folder}.json"
    if not path.is_file():
        pytest.skip(f"no {path}")
    found = json.loads(path.read_text())["annotations"]
    scheme = SCHEMES[name]
    shapes = np.array([face["keypoints"] for face in found]).reshape(len(found), -1, 3)[..., :2]
    agree = []
    for shape in shapes:
        shape, mirrored, _ = procrustes(shape, scheme.mirrored(shape))
        distances = np.linalg.norm(shape[:, None] - mirrored[None], axis=2)
        agree.append(linear_sum_assignment(distances)[1].tolist() == list(range(len(shape))))
    # Of a face and its mirror image laid upon it, the landmarks nearest to one another are the
    # same, if the head is not turned far.
    assert any(agree)


def test_mirrored_by_hand():
    shape = [[-0.5, 0.0], [0.25, 0.125], [np.nan, np.nan]]
    mirrored = TRIANGLE.mirrored(shape)
    assert mirrored.dtype == np.float32
    np.testing.assert_array_equal(mirrored, [[-0.25, 0.125], [0.5, 0.0], [np.nan, np.nan]])


@given(arrays(np.float32, (2, 3, 2), elements=st.floats(-2, 2, width=32) | st.just(np.nan)))
def test_mirroring_twice_is_nothing(shapes):
    np.testing.assert_array_equal(TRIANGLE.mirrored(TRIANGLE.mirrored(shapes)), shapes)


def test_mirroring_needs_a_flip_and_the_right_shape():
    with pytest.raises(InputError, match="points7"):
        scheme_for(7).mirrored(np.zeros((1, 7, 2)))
    with pytest.raises(InputError, match="triangle"):
        TRIANGLE.mirrored(np.zeros((1, 4, 2)))


@pytest.mark.parametrize(
    "fields, names",
    [
        ({"flip": [1, 2, 0]}, "flip"),
        ({"flip": [0, 1]}, "flip"),
        ({"flip": [0, 1, 3]}, "flip"),
        ({"flip": [0, 1, -1]}, "flip"),
        ({"flip": [0, 1, 2.0]}, "flip"),
        ({"flip": "012"}, "flip"),
        ({"n_points": 0}, "n_points"),
        ({"n_points": True}, "n_points"),
        ({"n_points": 10**9}, "n_points"),
        ({"name": ""}, "name"),
        ({"groups": {"jaw": {"points": [0, 3], "closed": False}}}, "jaw"),
        ({"groups": {"jaw": {"points": [], "closed": False}}}, "jaw"),
        ({"groups": {"jaw": {"points": [0, 1], "closed": 1}}}, "jaw"),
        ({"groups": {"jaw": [0, 1]}}, "jaw"),
        ({"groups": [0, 1]}, "groups"),
        ({"eye_corners": [0, 1, 2]}, "eye_corners"),
        ({"pupils": [[0], [5]]}, "pupils"),
        ({"pupils": [0, 1]}, "pupils"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_files_are_refused_by_file_and_field(tmp_path, fields, names):
    path = tmp_path / "scheme.json"
    path.write_text(json.dumps({"name": "triangle", "n_points": 3, **fields}))
    with pytest.raises(InputError, match=names) as caught:
        get_scheme(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b"{}", b"9" * 9999, b" " * (2 << 20)]
)
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "scheme.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="scheme"):
        get_scheme(str(path))


def test_get_scheme_reads_files_and_names_what_it_does_not_know(tmp_path):
    path = tmp_path / "triangle.json"
    path.write_text(json.dumps(TRIANGLE.to_dict()))
    assert get_scheme(path) == get_scheme(str(path)) == get_scheme(TRIANGLE) == TRIANGLE
    for unknown in ("face69", tmp_path / "none.json", 68, [1]):
        with pytest.raises(InputError):
            get_scheme(unknown)
