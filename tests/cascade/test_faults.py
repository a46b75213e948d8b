"""Full disks, forbidden folders, two writers, changing images, and sizes beyond memory."""

import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import cascade
from cascade import ERT, InputError, Starts
from cascade.loop.checkpoint import Checkpoint
from data_tools.readers import read_folder
from data_tools.writers import write_pts
from features import memory

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"n_stages": 1, "n_trees": 4, "n_points": 20, "random_state": 0}


@pytest.fixture
def full_disk(tmp_path):
    """A file system of 200 kB; only root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    try:
        if subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("mounting a file system is not allowed here")
    except OSError:
        pytest.skip("no mount command")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk_leaves_the_old_file_whole(full_disk, small_ert):
    path = full_disk / "model"
    path.write_bytes(b"the old model")
    (full_disk / "other").write_bytes(bytes(190_000))
    with pytest.raises(InputError, match=r"model: cannot write the file \(No space left"):
        small_ert.save(path)
    assert path.read_bytes() == b"the old model"
    assert sorted(p.name for p in full_disk.iterdir()) == ["model", "other"]


def test_full_disk_in_training_keeps_the_last_checkpoint(full_disk, synthetic):
    path = full_disk / "model.part"
    options = SMALL | {"n_trees": 40, "starts": Starts(n=1)}
    ERT(**options).fit(synthetic, checkpoint=path)
    before = path.read_bytes()
    (full_disk / "other").write_bytes(bytes(190_000 - len(before)))
    with pytest.raises(InputError, match="No space left"):
        ERT(**options | {"n_stages": 3}).fit(synthetic, checkpoint=path)
    assert path.read_bytes() == before
    assert len(cascade.load(path).stages_) == 1
    assert sorted(p.name for p in full_disk.iterdir()) == ["model.part", "other"]


def test_read_only_disk_leaves_the_old_file_whole(full_disk, small_ert, synthetic):
    path = full_disk / "model"
    path.write_bytes(b"the old model")
    subprocess.run(["mount", "-o", "remount,ro", str(full_disk)], check=True)
    with pytest.raises(InputError, match=r"model: cannot write the file \(Read-only"):
        small_ert.save(path)
    with pytest.raises(InputError, match=r"model: cannot write here \(Read-only"):
        ERT(**SMALL).fit(synthetic, checkpoint=path)
    assert path.read_bytes() == b"the old model"


def in_a_process(code, *arguments):
    """A Python process that knows `replace_file`."""
    code = "import sys\nfrom data_tools.files import replace_file\n" + code
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT,
                            stderr=subprocess.PIPE, text=True)  # fmt: skip


def test_file_size_limit_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    writer = in_a_process(limit + "replace_file(sys.argv[1], bytes(100_000))", str(path))
    assert "InputError: " in writer.communicate(timeout=60)[1].splitlines()[-1]
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["file"]


def test_forbidden_folder(tmp_path, small_ert):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("permissions do not bind this user")
        with pytest.raises(InputError, match="Permission denied"):
            small_ert.save(path)
        assert path.read_bytes() == b"old"
    finally:
        tmp_path.chmod(0o700)


def test_two_writers_leave_one_whole_file(tmp_path):
    path = tmp_path / "model"
    code = "for _ in range(30): replace_file(sys.argv[1], bytes([int(sys.argv[2])]) * 300_000)"
    writers = [in_a_process(code, str(path), str(byte)) for byte in (1, 2)]
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            data = path.read_bytes()
            assert len(data) == 300_000 and data in (b"\1" * 300_000, b"\2" * 300_000)
        time.sleep(0.01)
    assert [writer.communicate()[1] for writer in writers] == ["", ""]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_a_killed_writers_leavings_are_removed(synthetic, tmp_path):
    path = tmp_path / "model[1].part"
    left = tmp_path / ".model[1].part.0123abcd.tmp"
    other = tmp_path / ".model1.part.0123abcd.tmp"
    for file in (left, other):
        file.write_bytes(b"half a model")
    ERT(**SMALL).fit(synthetic, checkpoint=path)
    assert not left.exists() and other.exists()


def test_a_lock_that_was_removed_locks_nobody_out(synthetic, tmp_path, small_ert):
    """Whoever opened the lock's file just before its owner removed it must not take it for one."""
    fcntl = pytest.importorskip("fcntl")
    store, path = synthetic.subset(slice(3)).store(), tmp_path / "model.part"
    lock = path.with_name("model.part.lock")
    real = fcntl.flock

    def removed_in_between(file, operation):
        lock.unlink()
        lock.touch()
        real(file, operation)

    small_ert.seed_ = getattr(small_ert, "seed_", 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", removed_in_between)
        with pytest.raises(InputError, match="another training"):
            with Checkpoint(path, small_ert, store):
                pass


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda path: path.unlink(), "cannot read"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "truncated"),
        (lambda path: cv2.imwrite(str(path), np.zeros((9, 9), np.uint8)), "pixels now"),
        (lambda path: path.write_bytes(b"something else"), "not an image"),
    ],
)
def test_images_that_change_during_training_are_named(synthetic, tmp_path, change, words):
    for i in range(8):
        cv2.imwrite(str(tmp_path / f"{i}.png"), synthetic.image(i))
        write_pts(tmp_path / f"{i}.pts", synthetic.shapes[i])
    faces = read_folder(tmp_path, boxes="tight")
    change(tmp_path / "5.png")
    with pytest.raises(InputError, match=rf"5\.png.*{words}"):
        ERT(**SMALL).fit(faces)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"starts": Starts(n=10_000)}, "the starts need"),
        ({"n_points": 32_000, "starts": Starts(n=40)}, "the grey levels of all samples need"),
        ({"frame_size": 4096, "memory_limit": 1 << 40}, "the crops need"),
    ],
)
def test_sizes_beyond_memory_are_named(synthetic, monkeypatch, options, words):
    monkeypatch.setattr(memory, "available_memory", lambda: 100 << 20)
    with pytest.raises(InputError, match=rf"{words} .*[MG]iB of memory, but 100 MiB are available"):
        ERT(**SMALL | options).fit(synthetic)


def test_a_lock_that_is_a_link_is_not_followed(synthetic, tmp_path):
    """Another user of a shared folder could point it at a file of ours."""
    precious = tmp_path / "precious"
    precious.write_text("text")
    (tmp_path / "model.part.lock").symlink_to(precious)
    with pytest.raises(InputError, match=r"model\.part\.lock"):
        ERT(**SMALL).fit(synthetic, checkpoint=tmp_path / "model.part")
    assert precious.read_text() == "text"
