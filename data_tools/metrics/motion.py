"""Jitter and lag of landmarks that are tracked through a video."""

import numpy as np

from features.errors import InputError, require_range

#: Frequency in Hz above which motion counts as jitter.
CUTOFF = 2.0
# Frames of the shortest stretch whose spectrum is looked at, and of the most that an answer may
# come late or early.
_SHORTEST, _LATEST = 16, 5.0
# A stretch whose landmarks move by less than this share of a face has no lag to speak of.
_LEAST_MOTION = 0.02


def jitter_energy(paths, rate, cutoff=CUTOFF):
    """Energy of the landmarks' motion at high frequencies.

    From each unbroken run of frames the line of best fit is subtracted, a Hann window is applied,
    and the spectrum at `cutoff` and above is summed. White noise of variance v gives v times the
    share of the spectrum above `cutoff`.

    Parameters
    ----------
    paths : array_like of shape (n, L, 2)
        Landmarks of n frames in units of the face; NaN where it was lost. Subtract the true
        landmarks if the head moves, or its motion counts as well.
    rate : float
        Frames a second.
    cutoff : float
        In Hz.

    Returns
    -------
    float
        Mean square of a landmark's distance from its smoothed path; NaN if no run has 16 frames.

    Raises
    ------
    InputError
        If the paths are not (n, L, 2), or `cutoff` is not below half of `rate`.

    Examples
    --------
    >>> t = np.arange(100) / 25
    >>> wave = lambda hertz: np.stack([np.sin(2 * np.pi * hertz * t), 0 * t], -1)[:, None]
    >>> round(jitter_energy(wave(6.0), 25.0), 3), round(jitter_energy(wave(0.5), 25.0), 3)
    (0.5, 0.0)
    """
    paths = np.asarray(paths, np.float64)
    if paths.ndim != 3 or paths.shape[2] != 2:
        raise InputError(f"paths must be (n, L, 2), not {paths.shape}")
    require_range("rate", rate, 0.1, 1000)
    require_range("cutoff", cutoff, 0, rate / 2)
    total = n_frames = 0.0
    for begin, end in stretches(np.isfinite(paths).all((1, 2))):
        n = end - begin
        if n < _SHORTEST:
            continue
        values = paths[begin:end].reshape(n, -1)
        line = np.stack([np.ones(n), np.linspace(-1, 1, n)], 1)
        values = values - line @ np.linalg.lstsq(line, values, rcond=None)[0]
        window = np.hanning(n)[:, None]
        power = np.abs(np.fft.rfft(values * window, axis=0)) ** 2
        power[1 : (n + 1) // 2] *= 2  # the negative frequencies
        high = np.fft.rfftfreq(n, 1 / rate) >= cutoff
        # Parseval; two coordinates make one landmark.
        energy = power[high].sum() / n / np.square(window).sum() / paths.shape[1]
        total, n_frames = total + energy * n, n_frames + n
    return float(total / n_frames) if n_frames else float("nan")


def stretches(flags):
    """Begin and end of each run of True.

    Examples
    --------
    >>> stretches([True, False, True, True])
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags, np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def lag(paths, truth):
    """Delay of tracked landmarks, in frames.

    The shift in time under which the interpolated truth fits the paths best in least squares. Each
    landmark has a free offset, so that a constant error is not taken for a delay.

    Parameters
    ----------
    paths, truth : array_like of shape (n, L, 2)
        In units of the face; NaN where it was lost or is not annotated.

    Returns
    -------
    float
        In frames, -5 to 5, negative if the landmarks are early; NaN if the truth hardly moves or
        fewer than 16 frames are known.

    Raises
    ------
    InputError
        If the shapes differ.

    Examples
    --------
    >>> t = np.arange(80.0)
    >>> path = lambda late: np.stack([np.sin(0.2 * (t - late)), np.cos(0.17 * (t - late))], -1)
    >>> round(lag(path(1.5)[:, None], path(0)[:, None]), 2)
    1.5
    """
    paths, truth = np.asarray(paths, np.float64), np.asarray(truth, np.float64)
    if paths.shape != truth.shape or paths.ndim != 3:
        raise InputError(
            f"paths {paths.shape} and truth {truth.shape} must have the same shape (n, L, 2)"
        )
    known = np.isfinite(truth).all((1, 2))
    frames = np.flatnonzero(known)
    if len(frames) < _SHORTEST or truth[frames].std(0).mean() < _LEAST_MOTION:
        return float("nan")
    tried = np.linspace(-_LATEST, _LATEST, 101)
    misfits = np.array([_misfit(paths, truth, frames, late) for late in tried])
    if not np.isfinite(misfits).any():
        return float("nan")
    best = int(np.nanargmin(misfits))
    if 0 < best < len(tried) - 1 and np.isfinite(misfits[best - 1 : best + 2]).all():
        before, at, after = misfits[best - 1 : best + 2]
        bend = before - 2 * at + after
        if bend > 0:  # the lowest point of the parabola through three
            best = best + (before - after) / (2 * bend)
    return float(np.interp(best, np.arange(len(tried)), tried))


def _misfit(paths, truth, frames, late):
    """Mean square distance of the paths from the truth `late` frames before, without offsets."""
    low = int(np.floor(-late))
    share = -late - low
    at = np.arange(len(paths)) + low
    inside = (at >= 0) & (at + 1 < len(truth))
    at = np.clip(at, 0, len(truth) - 2)
    moved = (1 - share) * truth[at] + share * truth[at + 1]
    left = (paths - moved)[inside]
    left = left[np.isfinite(left).all((1, 2))]
    return np.square(left - left.mean(0)).sum(-1).mean() if len(left) >= _SHORTEST else np.nan
