"""Reading and writing videos."""

import os
import shutil
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_tools.video import VideoReader, VideoWriter
from features.errors import InputError

SIZE = (64, 48)


def ramps(n):
    """Frames of one grey each, so far apart that no codec confuses them."""
    return [np.full((SIZE[1], SIZE[0], 3), 20 * (k + 1), np.uint8) for k in range(n)]


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_frames_come_back_in_order(tmp_path, suffix):
    path = tmp_path / f"ramp{suffix}"
    with VideoWriter(path, 12.5, SIZE) as video:
        for frame in ramps(8):
            video.write(frame)
    assert list(tmp_path.iterdir()) == [path]
    with VideoReader(path) as video:
        assert video.size == SIZE and video.n_frames == 8
        assert video.rate == pytest.approx(12.5)
        levels = [frame.mean() for frame in video]
    np.testing.assert_allclose(levels, 20 * np.arange(1, 9), atol=4)


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".avi", ".mkv"])
def test_the_codec_is_the_one_named(tmp_path, suffix):
    path = tmp_path / f"v{suffix}"
    with VideoWriter(path, 10, SIZE) as video:
        for frame in ramps(4):
            video.write(frame)
    capture = cv2.VideoCapture(str(path))
    tag = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode().lower()
    capture.release()
    names = {"h264": "H.264", "avc1": "H.264", "vp09": "VP9", "vp90": "VP9", "mjpg": "MJPEG",
             "mp4v": "MPEG-4 Part 2", "fmp4": "MPEG-4 Part 2"}  # fmt: skip
    assert names[tag] == video.codec
    if video.codec == "H.264":
        assert video.note is None
    else:
        assert f"{path} is {video.codec}" in video.note and "browsers" in video.note
        assert ("do not play it" in video.note) == (video.codec != "VP9")


@pytest.mark.parametrize(
    ("writable", "codec"),
    [({"avc1", "vp09", "mp4v"}, "H.264"), ({"vp09", "mp4v"}, "VP9"), ({"mp4v"}, "MPEG-4 Part 2")],
)
def test_the_best_codec_that_opencv_has_is_taken(tmp_path, monkeypatch, writable, codec):
    class Writer:
        def __init__(self, path, fourcc, rate, size):
            self.opened = fourcc in {cv2.VideoWriter_fourcc(*name) for name in writable}
            Path(path).touch()

        def isOpened(self):
            return self.opened

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoWriter", Writer)
    video = VideoWriter(tmp_path / "v.mp4", 10, SIZE)
    video.close(keep=False)
    assert video.codec == codec and (video.note is None) == (codec == "H.264")
    monkeypatch.setattr(Writer, "isOpened", lambda self: False)
    with pytest.raises(InputError, match="cannot write this video"):
        VideoWriter(tmp_path / "v.mp4", 10, SIZE)
    assert not list(tmp_path.iterdir())


def test_nothing_is_printed_by_libraries(tmp_path, capfd, monkeypatch):
    monkeypatch.delenv("OPENCV_FFMPEG_LOGLEVEL", raising=False)
    level = cv2.utils.logging.getLogLevel()
    with pytest.raises(InputError):
        VideoReader(99)
    VideoWriter(tmp_path / "v.mp4", 10, SIZE).close(keep=False)
    assert capfd.readouterr() == ("", "")
    assert cv2.utils.logging.getLogLevel() == level
    assert "OPENCV_FFMPEG_LOGLEVEL" not in os.environ


def test_a_failure_leaves_no_file_and_harms_none(tmp_path):
    path = tmp_path / "v.avi"
    path.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), VideoWriter(path, 10, SIZE) as video:
        video.write(ramps(1)[0])
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == b"before"


def test_a_frame_of_another_size_is_refused(tmp_path):
    with pytest.raises(InputError, match="64x48"), VideoWriter(tmp_path / "v.avi", 10, SIZE) as v:
        v.write(np.zeros((48, 65, 3), np.uint8))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["v.gif", "missing/v.avi"])
def test_files_that_cannot_be_written(tmp_path, name):
    with pytest.raises(InputError, match="v"):
        VideoWriter(tmp_path / name, 10, SIZE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such"),
        (b"", "not a video"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", "not a video"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "not a video"),
        (b"\0\0\0\x18ftypmp42" + bytes(300), "cannot|decode"),
        (b"RIFF\x10\0\0\0AVI " + bytes(300), "decode"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path, content, words):
    path = tmp_path / "v.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        VideoReader(path)


def test_a_cut_video_ends_early(tmp_path):
    path = tmp_path / "v.avi"
    with VideoWriter(path, 10, SIZE) as video:
        for frame in ramps(10):
            video.write(frame)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        with VideoReader(path) as video:
            assert len(list(video)) < 10
    except InputError as error:
        assert "decode" in str(error)


def test_no_camera():
    with pytest.raises(InputError, match="camera 99"):
        VideoReader(99)


@pytest.mark.parametrize("index", [-1, 1 << 31, 1 << 70, 0.5, None])
def test_what_is_no_index_of_a_camera(index):
    with pytest.raises(InputError, match="camera"):
        VideoReader(index)


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """A video of 64 x 48 pixels in the current folder."""
    monkeypatch.chdir(tmp_path)
    with VideoWriter("clip.avi", 10, SIZE) as video:
        video.write(ramps(1)[0])
    return Path("clip.avi")


def test_a_file_named_like_an_address_is_not_fetched(clip):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        folder = Path(f"http:/127.0.0.1:{server.getsockname()[1]}")
        folder.mkdir(parents=True)
        shutil.copy(clip, folder)
        with VideoReader(str(folder / clip.name)) as video:
            assert video.size == SIZE and len(list(video)) == 1
        with VideoWriter(folder / "out.avi", 10, SIZE) as video:
            video.write(ramps(1)[0])
        with pytest.raises(TimeoutError):
            server.accept()
    assert (folder / "out.avi").stat().st_size > 1000


@pytest.mark.parametrize("name", ["file:x.avi", "concat:a|b.avi", "pipe:", "a?b#c.avi", "-i.avi"])
def test_files_named_like_protocols_are_files(clip, name):
    shutil.copy(clip, name)
    with VideoReader(name) as video:
        assert video.size == SIZE and len(list(video)) == 1


def test_a_file_named_like_a_series_of_images_is_not_read_as_one(clip):
    for k in range(3):
        cv2.imwrite(f"face_{k:03d}.png", np.zeros((10, 12, 3), np.uint8))
    shutil.copy(clip, "face_%03d.png")
    with pytest.raises(InputError, match=r"face_%03d\.png: FFmpeg takes a %"):
        VideoReader("face_%03d.png")
    shutil.copy(clip, "100%.avi")
    with VideoReader("100%.avi") as video:
        assert video.size == SIZE


def test_names_that_no_file_can_have():
    for name in ("a\0.mp4", "x" * 5000 + ".mp4"):
        with pytest.raises(InputError):
            VideoReader(name)
