"""Landmarks of one scheme in those of another."""

import json

import numpy as np
import pytest
from scipy.spatial import procrustes

from data_tools.readers import read_pts
from data_tools.schemes import SCHEMES, get_scheme
from data_tools.schemes.maps import MAPS, convert, within
from features.errors import InputError
from features.geometry import procrustes_mean


@pytest.mark.parametrize("source, to", MAPS)
def test_a_mirror_image_converts_to_the_mirror_image(source, to):
    large, small = get_scheme(source), get_scheme(to)
    parts = MAPS[source, to].parts
    assert len(parts) == small.n_points
    shapes = np.random.default_rng(0).normal(size=(3, large.n_points, 2)).astype(np.float32)
    np.testing.assert_allclose(
        convert(large.mirrored(shapes), large, small),
        small.mirrored(convert(shapes, large, small)),
        rtol=1e-5, atol=1e-5,
    )  # fmt: skip
    if large.eye_corners and small.eye_corners:
        assert tuple(parts[i] for i in small.eye_corners) == tuple((i,) for i in large.eye_corners)


@pytest.mark.parametrize("source, to", [pair for pair in MAPS if pair[1] == "face68"])
def test_landmarks_stay_in_their_part_of_the_face(source, to):
    large, small = get_scheme(source), get_scheme(to)

    def part(scheme, i):
        found = next(name for name, (points, _) in scheme.groups.items() if i in points)
        return "nose" if "nose" in found else found

    for i, sources in enumerate(MAPS[source, to].parts):
        assert all(part(large, k) == part(small, i) for k in sources)


def test_by_way_of_a_third():
    shapes = np.arange(98 * 2.0).reshape(1, 98, 2)
    inner = convert(shapes, "wflw98", "inner51")
    np.testing.assert_array_equal(inner, convert(shapes, "wflw98", "face68")[:, 17:])
    np.testing.assert_array_equal(
        convert(shapes, "wflw98", "face5")[0], shapes[0, [72, 68, 60, 64, 57]]
    )
    # The nearest way: WFLW has the pupils themselves.
    assert within("wflw98")["centres5"].parts[0] == (96,)


def test_what_is_missing_stays_missing():
    shape = np.ones((68, 2))
    shape[40] = np.nan
    five = convert(shape, "face68", "centres5")
    assert np.isnan(five[0]).all() and (five[1:] == 1).all()
    found = convert(np.ones((194, 2)), "helen194", "face68")
    assert np.isfinite(found[:17]).all() and np.isnan(found[17:27]).all()
    assert np.isnan(convert(np.ones((194, 2)), "helen194", "centres5")[0]).all()


def test_unknown_pairs_and_wrong_shapes_are_refused():
    with pytest.raises(InputError, match="no wflw98 is known among the landmarks of face68"):
        convert(np.zeros((68, 2)), "face68", "wflw98")
    with pytest.raises(InputError, match="98, 2"):
        convert(np.zeros((68, 2)), "wflw98", "face68")
    shapes = np.zeros((2, 58, 2))
    assert convert(shapes, "imm58", SCHEMES["imm58"]).shape == shapes.shape


@pytest.mark.parametrize("folder, scheme", [("lapa", "lapa106"), ("wflw", "wflw98")])
def test_the_68_points_lie_where_300w_has_them(real_data, folder, scheme):
    path = real_data / f"formats/coco/{folder}/test_{folder}.json"
    if not path.is_file():
        pytest.skip(f"no {path}")
    files = sorted((real_data / "300w/lfpw/testset").glob("*.pts"))
    mean = procrustes_mean(np.stack([read_pts(file) for file in files]))[17:]
    found = json.loads(path.read_text())["annotations"]
    shapes = np.array([face["keypoints"] for face in found]).reshape(len(found), -1, 3)[..., :2]
    for shape in convert(shapes, scheme, "inner51"):
        ours, theirs, _ = procrustes(mean, shape)
        errors = np.linalg.norm(ours - theirs, axis=1) / np.linalg.norm(ours[19] - ours[28])
        assert errors.mean() < 0.16
        # Any landmark taken for its neighbour is farther away than it is itself.
        wrong = np.linalg.norm(ours - np.roll(theirs, 1, axis=0), axis=1).mean()
        assert wrong > 1.5 * np.linalg.norm(ours - theirs, axis=1).mean()
