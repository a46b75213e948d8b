"""Evaluation of tracking in videos: errors, jitter, lag, lost frames and time."""

import time
from dataclasses import dataclass

import numpy as np

from data_tools.boxes import tight_box
from data_tools.metrics import nme
from data_tools.metrics.motion import jitter_energy, lag
from data_tools.readers import read_pts
from data_tools.readers.vw300 import videos
from data_tools.schemes import get_scheme
from data_tools.synthetic.talking import TalkingHead
from data_tools.video import VideoReader
from features.errors import InputError

from .timing import one_thread

# A face is followed where its landmarks lie no farther from the true ones, in sides of the face.
_ON_THE_FACE = 0.25
# Speeds of a face, in sides a second: it rests below the first, and moves above the second.
_RESTS, _MOVES = 0.1, 0.3
_SMOOTH_OVER = 5  # frames over which the speed is averaged


@dataclass
class Clip:
    """A video with annotated landmarks.

    Attributes
    ----------
    name : str
    scheme : Scheme
    open : callable
        Returns a context manager that iterates over frames, (H, W, 3), uint8, BGR.
    rate : float
        Frames a second.
    truth : ndarray of shape (n, L, 2), float64
        NaN in frames that are not annotated.
    still, moving : ndarray of shape (n,), bool
        Where the face rests, and where it moves.
    """

    name: str
    scheme: object
    open: object
    rate: float
    truth: np.ndarray
    still: np.ndarray
    moving: np.ndarray

    def __len__(self):
        return len(self.truth)

    @property
    def side(self):
        """Side of the face in pixels: the median over the frames, of the box around it."""
        boxes = tight_box(self.truth)
        return float(np.nanmedian(np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1))))


class _Drawn:
    """A talking head as a context manager."""

    def __init__(self, head):
        self.head = head

    def __enter__(self):
        return iter(self.head)

    def __exit__(self, *exception):
        pass


def drawn_clip(seed=0, **options):
    """A `TalkingHead` as a `Clip`; options are its own."""
    head = TalkingHead(seed, **options)
    return Clip(
        f"drawn head {seed}", get_scheme(head.scheme), lambda: _Drawn(head), head.rate,
        head.shapes.astype(np.float64), head.phases == "still",
        np.isin(head.phases, ("slow", "fast")),
    )  # fmt: skip


def annotated_clips(path, scheme="face68"):
    """The videos of a folder in the layout of 300-VW.

    Parameters
    ----------
    path : str or Path
        See `data_tools.readers.vw300`.
    scheme : Scheme or str

    Yields
    ------
    Clip

    Raises
    ------
    InputError
        If there is no such video, or an annotation cannot be read or is of another scheme.
    """
    found, scheme = videos(path), get_scheme(scheme)
    if not found:
        raise InputError(
            f"{path}: has no video as in 300-VW: name a folder with vid.avi and annot/, or "
            "a folder of those"
        )
    for video in found:
        if not video.points:
            raise InputError(f"{video.file.parent / 'annot'}: holds no .pts file of a frame")
        truth = np.full((max(video.points), scheme.n_points, 2), np.nan)
        for number, file in video.points.items():
            shape = read_pts(file)
            if shape.shape != truth.shape[1:]:
                raise InputError(f"{file}: has {len(shape)} points, not {scheme.n_points}")
            truth[number - 1] = shape
        with VideoReader(video.file) as frames:
            rate = frames.rate
        speed = speeds(truth, rate)
        yield Clip(
            video.name, scheme, lambda file=video.file: VideoReader(file), rate, truth,
            speed < _RESTS, speed > _MOVES,
        )  # fmt: skip


def speeds(truth, rate):
    """Speed of a face in sides a second, averaged over five frames: (n,), NaN where not known."""
    boxes = tight_box(truth)
    side = np.nanmedian(np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1)))
    middle = truth.mean(1) / side
    reach = _SMOOTH_OVER // 2
    speed = np.full(len(truth), np.nan)
    if len(truth) > 2 * reach:
        steps = np.linalg.norm(middle[2 * reach :] - middle[: -2 * reach], axis=1)
        speed[reach:-reach] = steps / (2 * reach) * rate
    return speed


@dataclass
class Followed:
    """The results of a tracker on a clip.

    Attributes
    ----------
    raw, shapes : ndarray of shape (n, L, 2), float64
        Landmarks of the face that is annotated, before and after smoothing; NaN where it was not
        followed.
    ids : ndarray of shape (n,), int64
        Its number; -1 where it was not followed.
    cpu_seconds : ndarray of shape (n,), float64
        CPU time of each frame, of the detector, too, without decoding.
    """

    raw: np.ndarray
    shapes: np.ndarray
    ids: np.ndarray
    cpu_seconds: np.ndarray


def follow(tracker, clip, progress=None):
    """Follow the face of a clip, on one thread.

    Parameters
    ----------
    tracker : Tracker
        It is reset first.
    clip : Clip
    progress : callable, optional
        Called as ``progress(done, total)`` after each frame.

    Returns
    -------
    Followed
        Of the faces that are followed, the nearest to the annotated one; where none is annotated,
        the one of the frame before.
    """
    tracker.reset()
    n, side = len(clip), clip.side
    raw, shapes = (np.full(clip.truth.shape, np.nan) for _ in range(2))
    ids, cpu = np.full(n, -1), np.zeros(n)
    with one_thread(), clip.open() as frames:
        for i, frame in zip(range(n), frames, strict=False):
            began = time.process_time()
            found = tracker.update(frame)
            cpu[i] = time.process_time() - began
            k = _of(found, clip.truth[i], side, ids[i - 1] if i else -1)
            if k is not None:
                raw[i], shapes[i], ids[i] = found.raw[k], found.shapes[k], found.ids[k]
            if progress is not None:
                progress(i + 1, n)
    return Followed(raw, shapes, ids, cpu)


def _of(found, truth, side, before):
    """Which of the faces of a frame is the annotated one, or None."""
    if not len(found):
        return None
    if not np.isfinite(truth).any():
        same = np.flatnonzero(found.ids == before)
        return int(same[0]) if len(same) else None
    away = np.nanmean(np.linalg.norm(found.raw - truth, axis=-1), axis=1)
    return int(away.argmin()) if away.min() <= _ON_THE_FACE * side else None


def figures(clip, followed):
    """The figures as plain values; None if undefined.

    Returns
    -------
    dict
        ``frames`` and ``annotated``; ``lost``, the share of annotated frames in which no landmarks
        lie on the face; ``numbers``, how many identities the face had; ``nme_raw`` and ``nme``, as
        `data_tools.metrics.nme`; ``jitter_raw`` and ``jitter``, where it rests: root mean square
        of the high-frequency error, in sides of the face; ``jitter_removed``, the share of its
        energy that smoothing removes; ``lag_raw`` and ``lag`` in frames, where it moves;
        ``cpu_ms``, the median of a frame, and ``cpu_ms_mean``.
    """
    truth, side = clip.truth, clip.side
    known = np.isfinite(truth).all((1, 2))
    there = np.isfinite(followed.raw).all((1, 2))
    both = known & there
    result = {
        "frames": len(clip),
        "annotated": int(known.sum()),
        "lost": float(1 - there[known].mean()) if known.any() else None,
        "numbers": len(set(followed.ids[followed.ids >= 0].tolist())),
        "still_frames": int((clip.still & both).sum()),
    }
    for name, paths in (("_raw", followed.raw), ("", followed.shapes)):
        errors = nme(paths[both], truth[both], clip.scheme) if both.any() else np.array([np.nan])
        result[f"nme{name}"] = _known(np.nanmean(errors))
        trembling = _where(clip.still, (paths - truth) / side)
        result[f"jitter{name}"] = _known(np.sqrt(jitter_energy(trembling, clip.rate)))
        result[f"lag{name}"] = _known(lag(_where(clip.moving, paths) / side, truth / side))
    before, after = result["jitter_raw"], result["jitter"]
    result["jitter_removed"] = 1 - (after / before) ** 2 if before else None
    result["cpu_ms"] = float(np.median(followed.cpu_seconds) * 1e3)
    result["cpu_ms_mean"] = float(np.mean(followed.cpu_seconds) * 1e3)
    return result


def _where(flags, paths):
    return np.where(flags[:, None, None], paths, np.nan)


def _known(value):
    return float(value) if np.isfinite(value) else None
