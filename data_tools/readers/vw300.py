"""300-VW (Shen et al. 2015): 114 videos with 68 points in every frame."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2

from features.errors import InputError, require_count
from features.images import as_grey

from ..dataset import Skipped
from ..files import make_folder, replace_file
from ..video import VideoReader
from ._faces import Face, Unusable, reason
from ._lists import gather, listed
from .pts import read_pts

VIDEO = "vid.avi"


def recognises(path):
    """Whether `path` holds vid.avi and annot, or folders such as 001 that do."""
    return bool(_videos(Path(path)))


def _videos(path):
    if not path.is_dir():
        return []
    folders = [path, *sorted(folder for folder in path.glob("*") if folder.is_dir())]
    return [f for f in folders if (f / VIDEO).is_file() and (f / "annot").is_dir()]


def read(path, *, step=10, frames=None, boxes="csv", scheme=None, detector=None, progress=None):
    """Read 300-VW: NNN/vid.avi with NNN/annot/000001.pts, … for its frames, the first of them 1.

    Frames that follow one another are much alike, so every tenth is taken. A .pts file counts
    pixels from 1. The set has no face boxes.

    Parameters
    ----------
    path : str or Path
        The folder of all videos, or of one.
    step : int
        1 takes every frame, 10 the frames 1, 11, 21, …
    frames : str or Path, optional
        A folder to write the frames to, NNN_000001.png, that are read again when they are needed;
        without it they are kept in memory, at most 4 GiB.
    boxes, scheme, detector, progress
        As in `read_folder`.

    Returns
    -------
    FaceDataset
        With the scheme face68; `attributes` holds ``video``, NNN, and ``frame``, counted from 1.
        Faces of one video are of one person: split by it.

    Raises
    ------
    InputError
        If no face is usable, or the frames in memory need more than 4 GiB.
    """
    require_count("step", step, 1, 1 << 20)
    path = Path(path)
    folder = None if frames is None else make_folder(frames)
    annotated, places, skipped = {}, {}, []
    for video in _videos(path):
        files = [file for file in listed(video / "annot", "*.pts") if file.stem.isdecimal()]
        for file in sorted(files, key=lambda file: int(file.stem[:20])):
            number = int(file.stem[:20])
            if not 1 <= number < 1 << 31:
                skipped.append(Skipped(str(file), "frames are numbered from 1"))
            elif (number - 1) % step == 0:
                name = f"{video.absolute().name}_{number:06d}.png"
                image = (video / "frames" if folder is None else folder) / name
                annotated[image] = partial(_face, file, video.absolute().name, number)
                places[image] = video / VIDEO, number
    found = _Frames(places, keep=folder is None)
    try:
        return gather(path, annotated, scheme=scheme or "face68", boxes=boxes, detector=detector,
                      progress=progress, skipped=skipped, own_boxes=False, load=found.load,
                      keep=folder is None)  # fmt: skip
    finally:
        found.close()


class AnnotatedVideo(NamedTuple):
    """A video, and the .pts files of its frames by their numbers, the first of them 1."""

    name: str
    file: Path
    points: dict[int, Path]


def videos(path):
    """The videos at `path` with their annotations, of which nothing is read yet.

    Parameters
    ----------
    path : str or Path
        As in `read`.

    Returns
    -------
    list of AnnotatedVideo
    """
    found = []
    for video in _videos(Path(path)):
        files = [file for file in listed(video / "annot", "*.pts") if file.stem.isdecimal()]
        numbered = {int(file.stem[:20]): file for file in files}
        points = {n: numbered[n] for n in sorted(numbered) if 1 <= n < 1 << 31}
        found.append(AnnotatedVideo(video.absolute().name, video / VIDEO, points))
    return found


def _face(file, video, number):
    try:
        shape = read_pts(file)
    except InputError as error:
        raise Unusable(file, reason(error, file)) from error
    return [Face(str(file), shape, attributes={"video": video, "frame": number})]


class _Frames:
    """Frames of videos, asked for in their order; each video is decoded once."""

    def __init__(self, places, keep):
        self._places, self._keep = places, keep
        self._file = self._reader = None
        self._at = 0

    def load(self, image):
        """The grey frame that goes by the name of an image, which is written if it is to be."""
        file, number = self._places[image]
        if file != self._file:
            self.close()
            self._file, self._reader, self._at = file, VideoReader(file), 0
        frame = None
        while self._at < number:
            frame = next(self._reader, None)
            self._at += 1
            if frame is None:
                raise InputError(f"{file}: has fewer than {number} frames")
        frame = as_grey(frame)
        if not self._keep:
            replace_file(image, cv2.imencode(".png", frame)[1].tobytes())
        return frame

    def close(self):
        """Release the video at hand."""
        if self._reader is not None:
            self._reader.close()
        self._file = self._reader = None
