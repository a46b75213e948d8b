"""Changed copies of faces: what they are, when they are made, and where they go."""

import gc
import pickle
import weakref

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from data_tools.augment import AUGMENTATIONS, FRAME, Recipe, augment, describe, parse
from data_tools.dataset import FaceDataset
from data_tools.readers import read_folder
from data_tools.synthetic import synthetic_faces
from data_tools.writers import write_faces, write_folder
from features.errors import InputError
from features.workers import Workers


@pytest.fixture(scope="module")
def faces():
    return synthetic_faces(12, seed=4, size=160)


def certain(*names):
    """Recipes that change every copy."""
    return parse(",".join(names), {f"{name}.p": 1.0 for name in names})


class Nothing(Recipe):
    def apply(self, face, rng):
        return face


class Away(Recipe):
    """Moves the landmarks to where no face can be."""

    moves = True

    def apply(self, face, rng):
        return face._replace(shape=np.full_like(face.shape, np.inf))


def read_at(image, points):
    return map_coordinates(image.astype(float), np.transpose(points)[::-1], order=1, mode="nearest")


def test_originals_come_first_and_copies_show_the_same_face(faces):
    found = augment(faces, [Nothing()], copies=2)
    assert len(found) == 36
    assert found.attributes["copy"].tolist() == [0] * 12 + [1] * 12 + [2] * 12
    for i in range(12):
        assert found.image(i) is faces.image(i)
        copy = found.image(24 + i)
        assert copy.shape == (350, 350) == tuple(found.sizes[24 + i])
        # The landmark lies on the same spot of the picture; smoothed, since noise of single pixels
        # does not survive enlarging.
        ours, theirs = cv2.blur(copy, (9, 9)), cv2.blur(faces.image(i), (5, 5))
        apart = read_at(ours, found.shapes[24 + i]) - read_at(theirs, faces.shapes[i])
        assert np.abs(apart).mean() < 3
        side = np.sqrt(np.prod(found.boxes[24 + i].reshape(2, 2)[1] - found.boxes[24 + i][:2]))
        assert side == pytest.approx(FRAME.face, rel=0.01)


@pytest.mark.parametrize("name", [*AUGMENTATIONS])
def test_copies_depend_on_seed_copy_and_face_alone(faces, name):
    recipes = certain(name)
    first = augment(faces, recipes, copies=2, seed=7)
    with Workers(3) as workers:
        again = augment(faces, recipes, copies=2, seed=7, workers=workers)
        backwards = dict(zip(range(35, 11, -1), workers.map(again.image, range(35, 11, -1)),
                             strict=True))  # fmt: skip
    np.testing.assert_array_equal(first.shapes, again.shapes)
    np.testing.assert_array_equal(first.boxes, again.boxes)
    if first.visible is not None:
        np.testing.assert_array_equal(first.visible, again.visible)
    for i in range(12, 36):
        np.testing.assert_array_equal(first.image(i), backwards[i])
        np.testing.assert_array_equal(first.image(i), first.subset([i]).image(0))
    other = augment(faces, recipes, copies=1, seed=8)
    same = [np.array_equal(first.image(i), other.image(i)) for i in range(12, 24)]
    twins = [np.array_equal(first.image(i), first.image(i + 12)) for i in range(12, 24)]
    assert sum(same) < 4 and sum(twins) < 4
    fewer = augment(faces, recipes, copies=1, seed=7)
    np.testing.assert_array_equal(fewer.image(15), first.image(15))


@pytest.mark.parametrize("name", [*AUGMENTATIONS])
def test_shapes_are_found_without_the_picture(faces, name):
    """The outline of a copy is that of the face its image shows, and no input is written into."""
    found = augment(faces, certain(name), copies=1, seed=1)
    source = found.images[12].source
    for i in range(12):
        crop = FRAME.crop(faces.image(i), faces.boxes[i])[0]
        face = source._cut(i, crop)
        for array in (face.image, face.shape, face.box, face.visible):
            array.flags.writeable = False
        whole = source._apply(face, 0, i, [True])
        np.testing.assert_array_equal(whole.shape, found.shapes[12 + i])
        np.testing.assert_array_equal(whole.box, found.boxes[12 + i])
        np.testing.assert_array_equal(whole.visible, found.visible[12 + i])
        np.testing.assert_array_equal(whole.image, found.image(12 + i))
        assert whole.image.dtype == np.uint8
        assert whole.image.shape == tuple(found.sizes[12 + i][::-1])


def test_a_recipe_more_leaves_the_others_as_they_were(faces):
    one = augment(faces, certain("occlusion"), copies=1, seed=2)
    two = augment(faces, certain("occlusion", "light"), copies=1, seed=2)
    np.testing.assert_array_equal(one.visible, two.visible)
    assert not np.array_equal(one.image(12), two.image(12))


def test_p_is_the_share_of_copies_that_change(faces):
    found = augment(faces, parse("light", {"light.p": 0.25}), copies=20, seed=0)
    plain = augment(faces, [Nothing()], copies=20)
    changed = [not np.array_equal(found.image(i), plain.image(i)) for i in range(12, 252)]
    assert 0.17 < np.mean(changed) < 0.33  # 240 draws: 3 standard deviations are 0.08


def test_copies_stay_with_their_photograph(faces):
    found = augment(faces, [Nothing()], copies=3)
    np.testing.assert_array_equal(found.groups, np.tile(faces.groups, 4))
    first, rest = found.split(0.3, seed=1)
    assert not set(first.files) & set(rest.files)
    assert len(first) + len(rest) == 48
    both = FaceDataset.concatenate([rest, first])
    assert len(both) == 48
    row = next(i for i in range(len(both)) if both.attributes["copy"][i] == 2)
    original = faces.files.index(both.files[row])
    np.testing.assert_array_equal(both.image(row), found.image(24 + original))
    store = found.store()
    held, kept = store.split(0.3, seed=1)
    assert not set(held.groups) & set(kept.groups)


def test_what_is_taken_out_keeps_nothing_else(faces):
    found = augment(faces, certain("blur"), copies=1)
    assert "12 of them made when asked for" in repr(found)
    assert len(found[-2:]) == 2 and callable(found[-2:].images[0])
    folds = [found[list(range(i, 24, 3))] for i in range(3)]  # as cross-validation indexes
    np.testing.assert_array_equal(folds[1].image(5), found.image(16))


def test_images_of_copies_are_not_kept(faces):
    found = augment(faces, certain("light"), copies=500)
    image = found.image(1000)
    ghost = weakref.ref(image)
    del image
    gc.collect()
    assert ghost() is None
    # 6000 images of 160 kB would be 960 MB.
    assert len(pickle.dumps(found)) < 12 * 160 * 160 + 6000 * 1500


def test_goes_to_other_processes(faces, tmp_path):
    """As joblib carries datasets; photographs of files too."""
    write_folder(tmp_path / "set", faces)
    found = augment(read_folder(tmp_path / "set"), certain("noise"), copies=1)
    expected = found.image(20)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.image(20), expected)


def test_a_copy_that_no_training_could_use_keeps_its_landmarks(faces):
    found = augment(faces, [Away(), *certain("blur").values()], copies=1)
    plain = augment(faces, certain("blur"), copies=1)
    np.testing.assert_array_equal(found.shapes, plain.shapes)
    assert found.image(12).shape == (350, 350)


def test_angles_of_turned_copies_are_unknown(faces):
    class Aside(Recipe):
        moves = True

        def apply(self, face, rng):
            return face._replace(shape=face.shape + np.float32(2))

    faces = faces[:]
    faces.attributes = {"yaw": np.linspace(-3, 3, 12), "smile": np.arange(12) % 2 == 0}
    found = augment(faces, [Aside()], copies=1)
    assert np.isnan(found.attributes["yaw"][12:]).all()
    assert np.isfinite(found.attributes["yaw"][:12]).all()
    np.testing.assert_array_equal(found.attributes["smile"][12:], faces.attributes["smile"])
    still = augment(faces, certain("light"), copies=1)
    np.testing.assert_array_equal(still.attributes["yaw"][12:], faces.attributes["yaw"])


def test_visibility_is_known_once_something_covers(faces):
    unknown = FaceDataset.from_arrays(faces.images, faces.shapes, faces.boxes)
    assert augment(unknown, certain("light"), copies=1).visible is None
    found = augment(unknown, certain("occlusion"), copies=1)
    assert found.visible[:12].all() and not found.visible[12:].all()
    hidden = faces[:]
    hidden.visible = faces.visible.copy()
    hidden.visible[:, 5] = False
    assert not augment(hidden, certain("occlusion"), copies=2).visible[:, 5].any()


def test_store_is_the_same_for_any_number_of_threads(faces):
    found = augment(faces, certain("light", "occlusion", "noise"), copies=2, seed=3)
    serial = found.store()
    told = []
    with Workers(4) as workers:
        parallel = found.store(workers=workers, progress=lambda *done: told.append(done))
    np.testing.assert_array_equal(serial.images, parallel.images)
    np.testing.assert_array_equal(serial.placements, parallel.placements)
    assert told == [(k, 12) for k in range(1, 13)]
    assert len(serial) == 72  # mirrored ones too
    np.testing.assert_array_equal(serial.visible[12:36], found.visible[12:])


def test_crops_of_copies_lose_nothing():
    """The training's frame takes the pixels of a copy as they are."""
    plain = augment(synthetic_faces(8, seed=4, size=300), [Nothing()], copies=1)
    store = plain.store(mirror=False)
    for i in range(8, 16):
        match = cv2.matchTemplate(plain.image(i), store.images[i], cv2.TM_SQDIFF)
        top, left = np.unravel_index(np.argmin(match), match.shape)
        there = plain.image(i)[top : top + 256, left : left + 256]
        np.testing.assert_array_equal(there, store.images[i])
    np.testing.assert_allclose(store.shapes[8:], store.shapes[:8], atol=1e-5)


def test_every_format_gets_an_image_a_copy(faces, tmp_path):
    found = augment(faces, certain("light", "occlusion"), copies=1)
    write_folder(tmp_path / "pts", found)
    again = read_folder(tmp_path / "pts")
    assert len(again) == 24
    by_stem = {file.rpartition("/")[2]: i for i, file in enumerate(again.files)}
    for i, name in ((3, "image_000003.png"), (15, "image_000003_2.png")):
        np.testing.assert_array_equal(again.image(by_stem[name]), found.image(i))
        np.testing.assert_allclose(again.shapes[by_stem[name]], found.shapes[i], atol=1e-3)
        np.testing.assert_array_equal(again.visible[by_stem[name]], found.visible[i])
    write_faces(tmp_path / "coco.json", found, "coco")
    assert len(list((tmp_path / "images").glob("*.png"))) == 24


def test_mistakes_are_named(faces):
    with pytest.raises(InputError, match="no augmentation is called 'ligth'; there are"):
        parse("ligth")
    with pytest.raises(InputError, match="named twice"):
        parse("blur, blur")
    with pytest.raises(InputError, match=r"noise\.p is set, but the augmentations are blur"):
        parse("blur", {"noise.p": 0.5})
    with pytest.raises(InputError, match="Blur has no parameter 'sigmas'"):
        parse("blur", {"blur.sigmas": 1})
    with pytest.raises(InputError, match=r"Light: gamma must be 0\.2 to 5, not 9"):
        augment(faces, parse("light", {"light.gamma": (1, 9)}))
    with pytest.raises(InputError, match=r"Noise: sigma must be \(low, high\)"):
        augment(faces, parse("noise", {"noise.sigma": (9, 1)}))
    with pytest.raises(InputError, match="Jpeg: quality must be a whole number"):
        augment(faces, parse("jpeg", {"jpeg.quality": (1.5, 20)}))
    with pytest.raises(InputError, match="Blur: p must be 0 to 1"):
        augment(faces, parse("blur", {"blur.p": 2.0}))
    with pytest.raises(InputError, match="no recipe"):
        augment(faces, [])
    with pytest.raises(InputError, match="copies must be 1 to"):
        augment(faces, parse("blur"), copies=0)


def test_order_is_that_of_the_table():
    assert [*parse("jpeg,light,blur")] == ["light", "blur", "jpeg"]
    recipes = parse("jpeg,light", {"jpeg.quality": (5, 9)})
    assert describe(recipes, 1) == "1 copy of each face: light, jpeg(quality=(5, 9))"
