"""Stores on disk: what was written is what is read, and nothing else is."""

import hashlib
import json
import pickle
import shutil

import numpy as np
import pytest

from cascade import ERT, Starts
from data_tools import store as stores
from data_tools.dataset import FaceDataset
from data_tools.store import build_store, is_store, open_store, write_store
from data_tools.store.crops import StoredCrops
from data_tools.store.manifest import HEADER, header
from features import mapping
from features.errors import InputError
from features.frame import Frame
from features.geometry import box_placement, to_box_frame
from features.workers import Workers

FACTS = ("shapes", "placements", "source", "groups", "mirrored", "visible")
# Crops of 64 x 64 pixels are one page, so shards of any length can be mapped side by side.
FRAME = Frame(64, 36)


@pytest.fixture(scope="module")
def faces(synthetic):
    return synthetic.subset(slice(0, 20))


@pytest.fixture(scope="module")
def built(faces):
    return build_store(faces, FRAME)


@pytest.fixture(scope="module")
def folder(faces, tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "store"
    told = []
    write_store(path, faces, FRAME, shard_rows=7, notes={"data": "drawn"},
                progress=lambda done, total: told.append((done, total)))  # fmt: skip
    assert told == [(n, 40) for n in (7, 14, 21, 28, 35, 40)]
    return path


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_a_store_holds_what_build_store_makes(folder, built):
    found = open_store(folder, verify=True)
    assert (len(found), found.frame, found.scheme) == (40, FRAME, built.scheme)
    assert found.notes == {"data": "drawn"}
    for name in FACTS:
        np.testing.assert_array_equal(getattr(found, name), getattr(built, name))
    np.testing.assert_array_equal(np.asarray(found.images), built.images)
    assert "store>" in repr(found)


def test_files_are_plain_npy(folder, built):
    shard = np.load(folder / "crops-00002.npy", mmap_mode="r", allow_pickle=False)
    np.testing.assert_array_equal(shard, built.images[14:21])
    np.testing.assert_array_equal(np.load(folder / "shapes.npy"), built.shapes)


@pytest.mark.parametrize(
    "chosen",
    [slice(5, 33), slice(3, 3), slice(30, 2, -4), np.arange(40) % 3 == 1, np.array([39, 0, 0, 8])],
    ids=["part", "none", "backwards", "mask", "integers"],
)
def test_subsets_of_subsets_are_those_of_arrays(folder, built, chosen):
    found = open_store(folder).rows(0, 40).subset(chosen)
    np.testing.assert_array_equal(np.asarray(found.images), built.images[chosen])
    np.testing.assert_array_equal(found.shapes, built.shapes[chosen])
    assert isinstance(found.images, StoredCrops)
    again = pickle.loads(pickle.dumps(found.images))  # as it goes to another process
    np.testing.assert_array_equal(np.asarray(again), built.images[chosen])


def test_crops_that_cannot_be_mapped_are_read(folder, built, monkeypatch, tmp_path):
    monkeypatch.setattr("data_tools.store.crops.can_map", lambda *_: False)
    for limit in (1 << 30, 0):  # in memory, in a temporary file
        found = open_store(folder, memory_limit=limit, folder=tmp_path).rows(5, 30)
        np.testing.assert_array_equal(np.asarray(found.images), built.images[5:30])


def test_crops_of_odd_sizes(faces, tmp_path):
    """Shards that are no whole number of pages."""
    frame = Frame(45, 30)
    write_store(tmp_path / "odd", faces, frame, mirror=False, shard_rows=6)
    found = open_store(tmp_path / "odd").rows(4, 17)
    np.testing.assert_array_equal(np.asarray(found.images),
                                  build_store(faces, frame, mirror=False).images[4:17])  # fmt: skip


def test_a_member_reads_its_own_shards_alone(copy, built):
    for shard in (0, 1, 4, 5):
        (copy / f"crops-{shard:05d}.npy").unlink()
    part = open_store(copy).rows(16, 27)
    np.testing.assert_array_equal(np.asarray(part.images), built.images[16:27])


def test_mapped_crops_are_given_back_and_read_again(folder, built, monkeypatch):
    monkeypatch.setattr(mapping, "_TOGETHER", 10)
    images = np.asarray(open_store(folder).images)
    index = np.repeat(np.arange(40), 3)
    spans = [(a, b, images[index[a:b]]) for a, b in mapping.spans_in_memory(images, index, 4, 118)]
    assert [span[:2] for span in spans][:2] == [(4, 14), (14, 24)] and spans[-1][:2] == (114, 118)
    for start, stop, seen in spans:
        np.testing.assert_array_equal(seen, built.images[index[start:stop]])
    np.testing.assert_array_equal(images, built.images)
    assert list(mapping.spans_in_memory(built.images, index, 4, 118)) == [(4, 118)]


def test_addresses_are_forgotten_with_the_last_array(folder):
    images = np.asarray(open_store(folder).images)
    address = images.ctypes.data
    view = images[3:5]
    del images
    assert mapping._is_mapped(address) and view.any()
    del view
    assert not mapping._is_mapped(address)


def test_training_from_disk_gives_the_same_bytes(folder, faces, tmp_path):
    model = ERT(n_stages=2, n_trees=8, starts=Starts(n=3), random_state=0, frame_size=64,
                face_size=36)  # fmt: skip
    files = []
    for source in (faces, open_store(folder)):
        for jobs in (1, 2):
            model.set_params(n_jobs=jobs).fit(source, validation=0.2)
            model.save(tmp_path / "m.safetensors")
            files.append((tmp_path / "m.safetensors").read_bytes())
    # A face and its mirror image are watched in the store, the face alone of the photographs.
    assert files[0] == files[1] and files[2] == files[3]
    model.fit(faces).save(tmp_path / "photographs.safetensors")
    model.fit(open_store(folder)).save(tmp_path / "store.safetensors")
    one, other = (tmp_path / f"{name}.safetensors" for name in ("photographs", "store"))
    assert one.read_bytes() == other.read_bytes()


def test_a_store_of_a_store(folder, built, tmp_path):
    write_store(tmp_path / "part", open_store(folder).subset(np.array([3, 39, 1])))
    found = open_store(tmp_path / "part", verify=True)
    np.testing.assert_array_equal(np.asarray(found.images), built.images[[3, 39, 1]])


def test_crops_as_photographs(folder, built):
    faces = FaceDataset.from_store(open_store(folder).rows(0, 5))
    np.testing.assert_array_equal(np.stack(faces.images), built.images[:5])
    placements = box_placement(faces.boxes)
    np.testing.assert_allclose(placements, built.placements[:5], rtol=1e-5)
    found = to_box_frame(faces.shapes, placements)
    np.testing.assert_allclose(found, built.shapes[:5], atol=1e-5)


def test_any_number_of_threads_writes_the_same(folder, faces, tmp_path):
    with Workers(2) as workers:
        write_store(tmp_path / "store", faces, FRAME, shard_rows=7, notes={"data": "drawn"},
                    workers=workers)  # fmt: skip
    for file in folder.iterdir():
        assert (tmp_path / "store" / file.name).read_bytes() == file.read_bytes()


def test_what_fails_leaves_no_store(faces, tmp_path, monkeypatch):
    def full(path, array, dtype):
        if path.name == "crops-00002.npy":
            raise OSError(28, "No space left on device")
        return real(path, array, dtype)

    real = stores.disk._write
    monkeypatch.setattr(stores.disk, "_write", full)
    with pytest.raises(InputError, match=r"store: cannot write the store \(No space left"):
        write_store(tmp_path / "store", faces, FRAME, shard_rows=7)
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_replaced(folder, faces):
    with pytest.raises(InputError, match="is there already"):
        write_store(folder, faces, FRAME)
    assert is_store(folder) and not is_store(folder.parent)


def edit(path, **changes):
    file = path / "manifest.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | changes))


def listed(path, name, **changes):
    files = json.loads((path / "manifest.json").read_text())["files"]
    files[name] |= changes
    edit(path, files=files)


def overwrite(path, name, at, data):
    with (path / name).open("r+b") as file:
        file.seek(at)
        file.write(data)


@pytest.mark.parametrize(
    "harm, message",
    [
        (lambda p: (p / "manifest.json").unlink(), r"manifest.json: cannot read the file"),
        (lambda p: (p / "manifest.json").write_text("[" * 10_000), "not the manifest of a store"),
        (lambda p: (p / "manifest.json").write_bytes(b"\xff{}"), "not the manifest of a store"),
        (lambda p: (p / "manifest.json").write_text("[]"), "not the manifest of a store"),
        (lambda p: edit(p, version=2), "a store of version 2, but this program reads version 1"),
        (lambda p: edit(p, faces=10**9), "faces is 1000000000; it must be a whole number from 1"),
        (lambda p: edit(p, faces=True), "faces is True"),
        (lambda p: edit(p, faces=1 << 27, shard_rows=1), "files are listed for 134217728 faces"),
        (lambda p: edit(p, faces=39), r"shapes.npy has shape .* \[39, 68, 2\] follows"),
        (lambda p: edit(p, frame={"size": 1 << 20, "face": 36}), "size is 1048576"),
        (lambda p: edit(p, frame={"size": 20, "face": 36}), "need 16 <= face <= size"),
        (lambda p: edit(p, scheme={"name": "x", "n_points": 1 << 40}), "must be 1 to 32768"),
        (lambda p: edit(p, notes={"data": 3}), "note 'data' is no text"),
        (lambda p: edit(p, files={}), "0 files are listed"),
        (lambda p: listed(p, "shapes.npy", dtype="|O"), r"shapes.npy has dtype \|O"),
        (lambda p: listed(p, "crops-00001.npy", bytes=1 << 50), "has bytes 1125899906842624"),
        (lambda p: listed(p, "groups.npy", sha256="0"), "groups.npy has no SHA-256 digest"),
        (lambda p: (p / "shapes.npy").unlink(), "shapes.npy: cannot read the file"),
        (lambda p: overwrite(p, "shapes.npy", HEADER + 9, b"\x00\x01"), "shapes.npy: damaged"),
        (lambda p: overwrite(p, "shapes.npy", 0, header("|O8", (40,))), "shapes.npy: not the file"),
        (lambda p: (p / "source.npy").write_bytes(b""), "source.npy: not the file that the"),
    ],
)  # fmt: skip
def test_a_false_store_is_refused(copy, harm, message):
    harm(copy)
    with pytest.raises(InputError, match=message) as found:
        open_store(copy)
    assert str(copy) in str(found.value)


@pytest.mark.parametrize(
    "name, at, value",
    [
        ("shapes", 12, np.float32(np.inf)),
        ("shapes", 12, np.float32(1e9)),
        ("placements", 0, np.float32(np.nan)),
        ("placements", 8, np.float32(0)),
        ("groups", 0, np.int32(-1)),
        ("mirrored", 0, np.uint8(2)),
        ("visible", 7, np.uint8(255)),
    ],
)
def test_numbers_out_of_range_are_refused_though_their_digest_fits(copy, name, at, value):
    overwrite(copy, f"{name}.npy", HEADER + at, value.tobytes())
    digest = hashlib.sha256((copy / f"{name}.npy").read_bytes()).hexdigest()
    listed(copy, f"{name}.npy", sha256=digest)
    with pytest.raises(InputError, match=f"{name}.npy: holds numbers out of range"):
        open_store(copy)


def test_damaged_crops_are_found(copy):
    (copy / "crops-00001.npy").write_bytes((copy / "crops-00001.npy").read_bytes()[:-1])
    with pytest.raises(InputError, match=r"crops-00001.npy: not the file that the manifest"):
        np.asarray(open_store(copy).images)
    overwrite(copy, "crops-00003.npy", HEADER + 5, b"\x07\x08\x09")
    np.asarray(open_store(copy).rows(21, 28).images)  # seen by those who ask for it alone
    with pytest.raises(InputError, match=r"crops-0000[13]"):
        open_store(copy, verify=True)


def test_stores_at_addresses(folder, built):
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    for file in folder.iterdir():
        system.pipe(f"/bucket/store/{file.name}", file.read_bytes())
    found = open_store("memory://bucket/store", verify=True)
    system.rm("/bucket/store/crops-00000.npy")
    part = pickle.loads(pickle.dumps(found.rows(10, 25)))
    np.testing.assert_array_equal(np.asarray(part.images), built.images[10:25])
    with pytest.raises(InputError, match=r"memory://bucket/store/crops-00000.npy: cannot read"):
        np.asarray(found.images)
    with pytest.raises(InputError, match="fsspec cannot open it"):
        open_store("nosuch://bucket/store")


def test_addresses_without_fsspec(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    with pytest.raises(InputError, match="needs fsspec; pip install fsspec"):
        open_store("s3://bucket/store")
