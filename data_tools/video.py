"""Reading and writing videos frame by frame."""

import operator
import os
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from features.errors import InputError

from .files import scratch_beside

# Above 8K. A frame of more is refused before it is decoded.
MAX_PIXELS = 1 << 26
MAX_SIDE = 1 << 14
# By suffix, the codecs in the order of preference: the first that this OpenCV can write is taken.
# H.264 plays everywhere, but wheels of OpenCV for Linux come without an encoder for it.
CODECS = {
    ".mp4": ("avc1", "vp09", "mp4v"),
    ".m4v": ("avc1", "mp4v"),
    ".mov": ("avc1", "mp4v"),
    ".avi": ("MJPG",),
    ".mkv": ("avc1", "VP90", "MJPG"),
}
_NAMES = {"avc1": "H.264", "vp09": "VP9", "VP90": "VP9", "mp4v": "MPEG-4 Part 2", "MJPG": "MJPEG"}
_PLAYED_BY_BROWSERS = ("H.264", "VP9")
_DEFAULT_RATE = 25.0
_MAX_CAMERA = (1 << 31) - 1
# What video files begin with, and where. Playlists, which FFmpeg would follow to other files and
# addresses, begin with none of it.
_SIGNATURES = (
    (4, (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")),  # MP4 and QuickTime
    (0, (b"RIFF", b"\x1aE\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3", b"FLV\1", b"OggS", b"0&\xb2u")),
)
_MPEG_TS, _TS_PACKET = 0x47, 188


class VideoReader:
    """The frames of a video file or a camera, decoded one at a time.

    A context manager and an iterator over frames (H, W, 3), uint8, BGR.

    Parameters
    ----------
    source : str, Path or int
        A file, or the index of a camera. URLs and file name patterns are refused.

    Attributes
    ----------
    size : (int, int)
        Width and height in pixels.
    rate : float
        Frames per second; 25 if the source does not say.
    n_frames : int or None
        None if unknown, as for a camera.

    Raises
    ------
    InputError
        If there is no such file or camera, it is no video that OpenCV can decode, or its frames
        have a side above 2**14 or more than 2**26 pixels.
    """

    def __init__(self, source):
        self.source = source
        camera = not isinstance(source, str | os.PathLike)
        self._capture = _open_camera(source) if camera else _open_file(Path(source))
        if not self._capture.isOpened():
            raise InputError(
                f"camera {source}: cannot be opened; check that it is connected and that no "
                "other program uses it"
                if camera
                else f"{source}: not a video that OpenCV can decode; convert it to MP4"
            )
        width, height, rate, count = (
            self._capture.get(prop)
            for prop in (
                cv2.CAP_PROP_FRAME_WIDTH,
                cv2.CAP_PROP_FRAME_HEIGHT,
                cv2.CAP_PROP_FPS,
                cv2.CAP_PROP_FRAME_COUNT,
            )
        )
        if not (
            1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE and width * height <= MAX_PIXELS
        ):
            self.close()
            raise InputError(f"{source}: frames of {width:g}x{height:g} pixels; scale it down")
        self.size = int(width), int(height)
        self.rate = float(rate) if 0.1 <= rate <= 1000 else _DEFAULT_RATE
        self.n_frames = int(count) if not camera and 1 <= count < 1 << 31 else None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __iter__(self):
        return self

    def __next__(self):
        found, frame = self._capture.read()
        if not found:
            raise StopIteration
        return frame

    def close(self):
        """Release the file or camera."""
        self._capture.release()


class VideoWriter:
    """Writes frames to a video file, which appears only when it is complete.

    A context manager; an exception inside leaves no file.

    Parameters
    ----------
    path : str or Path
        Ends in .mp4, .m4v, .mov, .avi or .mkv.
    rate : float
        Frames a second.
    size : (int, int)
        Width and height in pixels.

    Attributes
    ----------
    codec : str
        Name of the codec: "H.264" if OpenCV can write it and the suffix allows it, else "VP9",
        "MPEG-4 Part 2" or "MJPEG".
    note : str or None
        Where the video plays, in a sentence; None for H.264, which plays everywhere.

    Raises
    ------
    InputError
        If the suffix is another, or the file cannot be written.

    Notes
    -----
    VP9 takes about 30 ms for a frame of 640 x 480 pixels, MJPEG and MPEG-4 Part 2 about 1 ms: for
    a camera whose frames come faster, write .avi or .mov.
    """

    def __init__(self, path, rate, size):
        self.path = Path(path)
        self.size = tuple(size)
        codecs = video_codecs(self.path)
        # OpenCV chooses the format by the suffix, so the unfinished file has it, too.
        scratch = scratch_beside(_plain_path(self.path))
        self._scratch = scratch.with_name(scratch.name + self.path.suffix)
        for codec in codecs:
            fourcc = cv2.VideoWriter_fourcc(*codec)
            with _quiet():
                self._writer = cv2.VideoWriter(str(self._scratch), fourcc, float(rate), self.size)
            if self._writer.isOpened():
                break
            self._scratch.unlink(missing_ok=True)
        else:
            raise InputError(f"{self.path}: cannot write this video; check the folder, or try .avi")
        self.codec = _NAMES[codec]
        self.note = _note(self.path, codecs, self.codec)

    def __enter__(self):
        return self

    def __exit__(self, kind, *exception):
        self.close(keep=kind is None)

    def close(self, keep=True):
        """Finish the file, or with ``keep=False`` throw it away.

        Raises
        ------
        InputError
            If it cannot be put in its place.
        """
        self._writer.release()
        try:
            if keep:
                os.replace(self._scratch, self.path)
        except OSError as error:
            raise InputError(f"{self.path}: cannot write the file ({error.strerror})") from error
        finally:
            self._scratch.unlink(missing_ok=True)

    def write(self, frame):
        """Add a frame (H, W, 3), uint8, BGR.

        Raises
        ------
        InputError
            If it has another size than the video.
        """
        if frame.shape != (self.size[1], self.size[0], 3) or frame.dtype != np.uint8:
            raise InputError(
                f"{self.path}: a frame {frame.shape} {frame.dtype} does not fit a video of "
                f"{self.size[0]}x{self.size[1]}"
            )
        self._writer.write(frame)


def video_codecs(path):
    """The codecs that a file of this suffix can be written with, best first.

    Raises
    ------
    InputError
        If the suffix is unknown.

    Examples
    --------
    >>> video_codecs("out.mkv")
    ('avc1', 'VP90', 'MJPG')
    """
    suffix = Path(path).suffix.lower()
    if suffix not in CODECS:
        raise InputError(f"{path}: a video is written as {', '.join(CODECS)}; change the suffix")
    return CODECS[suffix]


def _note(path, codecs, codec):
    """Where a video of this codec plays, or None for H.264."""
    if codec == "H.264":
        return None
    cause = f"{path.suffix} files are written with it alone"
    if "avc1" in codecs:
        cause = "this build of OpenCV cannot write H.264"
    if codec in _PLAYED_BY_BROWSERS:
        return f"{path} is {codec}, since {cause}: browsers play it, some other players do not"
    remedy = "" if path.suffix.lower() == ".mp4" else "; name an .mp4 file for one that they play"
    return f"{path} is {codec}, since {cause}: browsers do not play it{remedy}"


@contextmanager
def _quiet():
    """Keep OpenCV and FFmpeg from printing while something is opened that may be missing.

    What they print goes to stderr past Python; the caller says in one sentence what failed.
    """
    level, variable = cv2.utils.logging.getLogLevel(), "OPENCV_FFMPEG_LOGLEVEL"
    chosen = os.environ.get(variable)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    if chosen is None:
        os.environ[variable] = "-8"  # FFmpeg's AV_LOG_QUIET, read whenever a file is opened
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
        if chosen is None:
            os.environ.pop(variable, None)


def _open_camera(index):
    try:
        index = operator.index(index)
    except TypeError as error:
        raise InputError(f"{index!r} is neither a video file nor the index of a camera") from error
    if not 0 <= index <= _MAX_CAMERA:
        raise InputError(f"camera {index}: an index lies between 0 and {_MAX_CAMERA}")
    with _quiet():
        return cv2.VideoCapture(index)


def _open_file(path):
    """A capture of a file that is one, by the first reader that can; not opened where none can."""
    _refuse_other_files(path)
    name = str(_plain_path(path))
    capture = cv2.VideoCapture()
    for reader in cv2.videoio_registry.getStreamBackends():
        # That of numbered images takes the name for a pattern.
        if reader != cv2.CAP_IMAGES and capture.open(name, reader):
            break
    return capture


def _plain_path(path):
    """The path as one that no library takes for an address or for a pattern of names.

    FFmpeg would fetch ``http:/host/face.mp4`` over the network, even where a file of that name is
    there, and read ``face_%03d.png`` as a series of images.

    Raises
    ------
    InputError
        If its name could be a pattern.
    """
    path = Path(path).absolute()
    if "%" in str(path) and path.suffix.lower() not in CODECS:
        raise InputError(
            f"{path}: FFmpeg takes a % for a number in a series; rename the file or its folder"
        )
    return path


def _refuse_other_files(path):
    """Raise InputError unless the file begins as a video does."""
    try:
        found = path.is_file()
    except (OSError, ValueError) as error:  # a name that no file can have
        raise InputError(f"{str(path)[:200]!r}: not the name of a file") from error
    if not found:
        raise InputError(f"{path}: no such video file")
    try:
        with path.open("rb") as file:
            head = file.read(_TS_PACKET + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot read the file ({error.strerror})") from error
    known = any(head[at : at + len(m)] == m for at, marks in _SIGNATURES for m in marks)
    packets = len(head) > _TS_PACKET and head[0] == head[_TS_PACKET] == _MPEG_TS
    if not (known or packets):
        raise InputError(f"{path}: not a video file; convert it to MP4")
