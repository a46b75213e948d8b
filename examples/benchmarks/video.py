"""What smoothing costs and gains: jitter that is left at rest against lag in motion.

    python examples/benchmarks/video.py --out video.png
    python examples/benchmarks/video.py --out video.png --model sdm68 --videos 300VW

Faces of drawn heads that rest, sway, shake and talk are followed once; what was found is then
smoothed with filters from gentle to strong: one One Euro filter for each landmark, and the
`FaceSmoother`, which smooths the motion of the whole face and the rest apart. The figure shows the
share of the jitter's energy that is left against the lag in frames, of the whole face and of lips
that talk; the table also how much of a blink is left. The points of the package are marked.
"""

from pathlib import Path

import numpy as np
from common import arguments, run

from cascade.detection import FromDetector
from cascade.judging.video import annotated_clips, drawn_clip, figures, follow
from cascade.models import load
from cascade.video.smoothing import FaceSmoother, OneEuroFilter
from cascade.video.tracking import Tracker
from data_tools.metrics.motion import jitter_energy, lag
from data_tools.openings import openings

# Factors on the cut-offs of a filter: from strong to gentle.
STRENGTHS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
_LIPS = [56, 57, 58, 65, 66, 67]
_NOSE = slice(27, 31)


def one_euro(strength):
    """A filter for the landmarks, in sides of the face."""
    return OneEuroFilter(1.5 * strength, 40.0 * strength)


def face(strength):
    """The smoother of the package, its cut-offs so many times as high."""
    (a, b, c), (d, e, f) = FaceSmoother.MOTION, FaceSmoother.SHAPE
    return FaceSmoother((a * strength, b * strength, c), (d * strength, e * strength, f))


def smoothed(raw, smoother, seconds):
    """Paths (n, L, 2) after a smoother; NaN where nothing was found."""
    paths = np.full(raw.shape, np.nan)
    for i in np.flatnonzero(np.isfinite(raw).all((1, 2))):
        paths[i] = smoother(raw[i], seconds)
    return paths


def measure(clips, followed, make):
    """Means over the videos: jitter left, lag of the face, lag of the lips, share of a blink."""
    rows = []
    for clip, found in zip(clips, followed, strict=True):
        raw, truth = found.raw / clip.side, clip.truth / clip.side
        paths = smoothed(raw, make(), 1 / clip.rate)

        def only(flags, values):
            return np.where(flags[:, None, None], values, np.nan)

        left = jitter_energy(only(clip.still, paths - truth), clip.rate) / jitter_energy(
            only(clip.still, raw - truth), clip.rate
        )
        late = [lag(only(clip.moving, each), only(clip.moving, truth)) for each in (paths, raw)]
        talks = ~clip.still & ~clip.moving
        mouth = [only(talks, 5 * _by_nose(each)) for each in (paths, raw)]
        rows.append((left, late[0] - late[1], lag(*mouth), _blink(paths, raw, talks, clip.scheme)))
    return np.nanmean(rows, axis=0)


def _by_nose(paths):
    """The lower lip by the bridge of the nose."""
    return paths[:, _LIPS] - paths[:, _NOSE].mean(1, keepdims=True)


def _blink(paths, raw, talks, scheme):
    """How deep the eye's opening falls, as a share of how deep it falls without smoothing."""
    if not talks.any():
        return np.nan
    depths = []
    for each in (paths, raw):
        wide = openings(each[talks], scheme)["right_eye"]
        depths.append(np.nanmedian(wide) - np.nanmin(wide))
    return depths[0] / depths[1]


def plot(curves, path):
    """Jitter that is left against lag, a curve a filter."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    for k, (title, column) in enumerate((("the whole face", 1), ("lips that talk", 2)), 1):
        axes = figure.add_subplot(1, 2, k)
        for (name, rows), colour in zip(curves.items(), ("#D55E00", "#0072B2"), strict=False):
            rows = np.array(rows)
            axes.plot(rows[:, column], 100 * rows[:, 0], ".-", color=colour, label=name)
            here = rows[STRENGTHS.index(1.0)]
            axes.plot(here[column], 100 * here[0], "o", color=colour, markersize=9)
        axes.axhline(30, color="0.6", linestyle=":", linewidth=1)
        axes.set(xlabel=f"Lag of {title} (frames)", ylabel="Jitter left at rest (% of its energy)",
                 ylim=(0, None), xlim=(0, None))  # fmt: skip
        axes.grid(color="0.9", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=160)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--out", type=Path, required=True, help="figure: .png, .pdf or .svg")
    parser.add_argument("--model", default="sdm68")
    parser.add_argument("--detector", default="lbp")
    parser.add_argument("--videos", type=Path, help="a folder as of 300-VW, besides drawn heads")
    parser.add_argument("--heads", type=int, default=3, help="drawn heads")
    parser.add_argument("--noise", type=float, default=4.0, help="of the camera, in grey levels")
    options = parser.parse_args()
    model = load(options.model)
    finder = FromDetector(model, options.detector)
    clips = [drawn_clip(seed, noise=options.noise) for seed in range(options.heads)]
    if options.videos is not None:
        clips += annotated_clips(options.videos, model.scheme_)
    followed = []
    for clip in clips:
        tracker = Tracker(model, lambda grey: finder.place(finder.detector(grey)), rate=clip.rate)
        followed.append(follow(tracker, clip))
        row = figures(clip, followed[-1])
        times = (
            f"{row['cpu_ms']:.2f} ms a frame in the median, {row['cpu_ms_mean']:.2f} in the mean"
        )
        print(f"{clip.name}: {times}, {row['lost']:.1%} lost", flush=True)
    curves = {"One Euro, each landmark": [], "FaceSmoother": []}
    print("| filter | cut-offs × | jitter removed | lag | lag of lips | blink left |")
    print("|---|---|---|---|---|---|")
    for name, make in zip(curves, (one_euro, face), strict=True):
        for strength in STRENGTHS:
            row = measure(clips, followed, lambda make=make, k=strength: make(k))
            curves[name].append(row)
            print(f"| {name} | {strength:g} | {1 - row[0]:.1%} | {row[1]:.2f} | {row[2]:.2f} | "
                  f"{row[3]:.0%} |", flush=True)  # fmt: skip
    plot(curves, options.out)


if __name__ == "__main__":
    run(main)
