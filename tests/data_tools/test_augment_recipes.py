"""What each recipe does to a picture, against other libraries and formulas."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from data_tools.augment import Face, augment, parse
from data_tools.augment.blur import Blur, motion_kernel
from data_tools.augment.jpeg import Jpeg
from data_tools.augment.light import Light
from data_tools.augment.lowres import LowRes
from data_tools.augment.noise import Noise
from data_tools.augment.occlusion import Occlusion, standard_face
from data_tools.dataset import FaceDataset
from data_tools.schemes import SCHEMES, Scheme
from data_tools.schemes.maps import within
from data_tools.synthetic import synthetic_faces


def face_of(image, shape=None):
    box = np.array([50, 50, 149, 149], np.float32)  # 99 pixels wide
    return Face(image, np.array([[60, 60], [140, 130]], np.float32), box)


@pytest.fixture
def picture(rng):
    smooth = ndimage.gaussian_filter(rng.standard_normal((200, 200)), 4)
    return np.uint8(np.clip(128 + 300 * smooth, 0, 255))


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_gaussian_blur_is_that_of_scipy(picture, rng):
    out = Blur(motion=0.0, sigma=(0.03, 0.03)).apply(face_of(picture), rng).image
    expected = ndimage.gaussian_filter(picture.astype(float), 0.03 * 99, mode="mirror")
    assert np.abs(out - expected).max() <= 1.5


@pytest.mark.parametrize("length", [0.5, 4, 11.3])
@pytest.mark.parametrize("angle", [0, 0.7, 2.5])
def test_motion_is_even_along_its_line(length, angle):
    kernel = motion_kernel(length, angle).astype(float)
    half = len(kernel) // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    assert kernel.sum() == pytest.approx(1)
    assert (kernel * x).sum() == pytest.approx(0, abs=1e-6)
    assert (kernel * y).sum() == pytest.approx(0, abs=1e-6)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    # An even line has the variance L²/12; sharing among pixels adds at most a quarter.
    assert (kernel * along**2).sum() == pytest.approx(length**2 / 12, abs=0.03 * length**2 + 0.26)
    assert (kernel * across**2).sum() < 0.26


def test_noise_has_the_deviation_that_is_asked_for(rng):
    grey = np.full((200, 200), 100, np.uint8)
    out = Noise(sigma=(6.0, 6.0), shot=(5.0, 5.0), grain=(0.0, 0.0)).apply(face_of(grey), rng).image
    assert out.std() == pytest.approx(6 + 5 * 100 / 255, rel=0.03)
    assert out.mean() == pytest.approx(100, abs=0.3)
    coarse = Noise(sigma=(6.0, 6.0), shot=(0.0, 0.0), grain=(0.05, 0.05))
    out = coarse.apply(face_of(grey), rng).image.astype(float) - 100
    assert out.std() == pytest.approx(6, rel=0.1)
    assert (out[:, 1:] * out[:, :-1]).mean() > 0.9 * out.var()  # neighbours are alike


def test_jpeg_is_as_bad_as_that_of_pillow(picture, rng):
    out = Jpeg(quality=(10, 10)).apply(face_of(picture), rng).image
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=10)
    theirs = np.asarray(Image.open(file))
    ours, other = (np.abs(each.astype(float) - picture).mean() for each in (out, theirs))
    assert out.shape == picture.shape
    assert ours == pytest.approx(other, rel=0.15)
    assert ours > 1


def test_low_resolution_has_that_many_pixels(rng):
    noise = np.random.default_rng(0).integers(0, 256, (198, 198)).astype(np.uint8)
    outs = [LowRes(side=(20, 20)).apply(face_of(noise), rng).image for _ in range(20)]
    flat = [out for out in outs if len(np.unique(out, axis=0)) <= 40]
    assert flat and len(flat) < 20  # nearest in some: 198/99 * 20 different rows
    expected = cv2.resize(noise, (40, 40), interpolation=cv2.INTER_AREA)
    centres = (np.arange(40) * 198 / 40 + 198 / 80).astype(int)
    np.testing.assert_array_equal(flat[0][np.ix_(centres, centres)], expected)
    same = LowRes(side=(300, 300)).apply(face_of(noise), rng).image
    np.testing.assert_array_equal(same, noise)


def test_exposure_follows_its_formula(picture, rng):
    light = Light(shadow=0.0, gamma=(1.5, 1.5), gain=(0.8, 0.8), contrast=(1.0, 1.0))
    out = light.apply(face_of(picture), rng).image
    expected = 255 * 0.8 * (picture / 255) ** 1.5
    assert np.abs(out - expected).max() <= 0.51


def test_contrast_is_local(picture, rng):
    light = Light(shadow=0.0, gamma=(1.0, 1.0), gain=(1.0, 1.0), contrast=(0.0, 0.0))
    out = light.apply(face_of(picture), rng).image
    expected = ndimage.uniform_filter(picture.astype(float), 25, mode="mirror")
    assert np.abs(out - expected).max() <= 1


def test_a_shadow_darkens_one_side(rng):
    grey = np.full((200, 200), 200, np.uint8)
    light = Light(shadow=1.0, darkness=(0.5, 0.5), softness=(0.1, 0.1), gamma=(1.0, 1.0),
                  gain=(1.0, 1.0), contrast=(1.0, 1.0))  # fmt: skip
    for _ in range(20):
        out = light.apply(face_of(grey), rng).image
        assert abs(int(out.max()) - 200) <= 1 and abs(int(out.min()) - 100) <= 1
        dark = out < 150
        assert ndimage.label(dark)[1] == 1  # in one piece
        assert 0.01 < dark[50:150, 50:150].mean() < 0.99  # its edge crosses the face
        steep = np.abs(np.diff(out.astype(int), axis=0)).max()
        assert steep < 3 * 100 / (0.1 * 99)  # over about ten pixels


def test_landmarks_under_something_are_covered(rng):
    faces = synthetic_faces(30, seed=2, size=128)
    found = augment(faces, [Occlusion(p=1.0)], copies=2, seed=1)
    plain = augment(faces, [Occlusion(p=0.0)], copies=2, seed=1)
    shares = []
    for i in range(30, 90):
        changed = np.abs(found.image(i).astype(int) - plain.image(i)) > 0
        near = ndimage.binary_dilation(changed, iterations=2)
        x, y = np.rint(found.shapes[i]).astype(int).T
        hidden = ~found.visible[i]
        # A covered landmark lies where the picture changed; one where nothing near changed is seen.
        assert near[y[hidden], x[hidden]].all()
        assert found.visible[i][~near[y, x]].all()
        shares.append(hidden.mean())
    assert 0.05 < np.mean(shares) < 0.4
    np.testing.assert_array_equal(found.shapes, plain.shapes)


@pytest.mark.parametrize("name", ["wflw98", "lapa106", "centres5", "aflw21"])
def test_other_schemes_are_covered_where_their_points_are(name):
    """The drawn things find eyes and mouth of a face that has no 68 points."""
    faces = synthetic_faces(20, seed=2, size=128)
    if name in ("wflw98", "lapa106"):
        # 68 of the points are known; the others are missing.
        parts = within(name)["face68"].parts
        shapes = np.full((20, SCHEMES[name].n_points, 2), np.nan, np.float32)
        shapes[:, [part[0] for part in parts]] = faces.shapes
        known = [part[0] for part in parts]
        ours = FaceDataset.from_arrays(faces.images, shapes, faces.boxes, name)
        found = augment(ours, [Occlusion(p=1.0, piece=0.0)], copies=1)
        reference = augment(faces, [Occlusion(p=1.0, piece=0.0)], copies=1)
        np.testing.assert_array_equal(found.visible[20:, known], reference.visible[20:])
        assert found.visible[20:].mean() > reference.visible[20:].mean()  # missing: not covered
        return
    pick = [*range(17, 27), 36, 39, 42, 45, 31, 33, 35, 48, 51, 54, 8]
    pick = pick if name == "aflw21" else [37, 43, 30, 48, 54]
    ours = FaceDataset.from_arrays(faces.images, faces.shapes[:, pick], faces.boxes, name)
    found = augment(ours, [Occlusion(p=1.0, piece=0.0)], copies=5)
    reference = augment(faces, [Occlusion(p=1.0, piece=0.0)], copies=5)
    # The same things at nearly the same places.
    agree = (found.visible[20:] == reference.visible[20:][:, pick]).mean()
    assert agree > 0.85, agree
    assert 0.03 < (~found.visible[20:]).mean() < 0.5


def test_own_scheme_with_a_landmark_that_all_faces_lack():
    faces = synthetic_faces(6, seed=2, size=128)
    shapes = faces.shapes[:, [36, 45, 57, 8]].copy()
    shapes[:, 2] = np.nan
    ours = FaceDataset.from_arrays(faces.images, shapes, faces.boxes, Scheme("mine", 4))
    found = augment(ours, parse("occlusion", {"occlusion.p": 1.0}), copies=3)
    assert found.visible[:, 2].all() and np.isfinite(found.shapes[:, [0, 1, 3]]).all()


def test_the_standard_face_lies_like_those_of_the_detector():
    faces = synthetic_faces(200, seed=0, size=64)
    from features.geometry import box_placement, to_box_frame

    mean = to_box_frame(faces.shapes, box_placement(faces.boxes)).mean(0)
    assert np.abs(standard_face() - mean).max() < 0.06
