"""
Steady landmarks in a video
===========================

Landmarks that are found frame by frame tremble. A One Euro filter holds them still while the face
rests, and follows at once when it moves.
"""

import matplotlib.pyplot as plt
import numpy as np

from cascade.video.smoothing import OneEuroFilter

# %%
# A coordinate that rests, jumps to another place within a fifth of a second, and rests again; with
# the trembling of a fit, at 25 frames a second. The unit is the side of the face box.
rate, n_frames = 25.0, 100
truth = 0.3 / (1 + np.exp(-(np.arange(n_frames) - 50) / 1.5))
seen = truth + np.random.default_rng(0).normal(0, 0.004, n_frames)
steady = OneEuroFilter()
smooth = np.array([steady(np.array([[x, 0.0]]), 1 / rate)[0, 0] for x in seen])
print(f"trembling at rest, before and after: {seen[10:40].std():.4f}, {smooth[10:40].std():.4f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
for axis, (begin, end), title in zip(
    axes, ((10, 40), (42, 60)), ("at rest", "in motion"), strict=True
):
    frames = np.arange(begin, end)
    axis.plot(frames, truth[begin:end], color="0.6", label="truth")
    axis.plot(frames, seen[begin:end], ".", label="found")
    axis.plot(frames, smooth[begin:end], label="smoothed")
    axis.set(title=title, xlabel="frame", ylabel="place, box sides")
axes[0].legend(fontsize="small")

# %%
# A plain low-pass filter buys stillness with lag. The One Euro filter opens as the face moves: it
# removes as much of the trembling at a fraction of the lag. Each point is one cutoff at rest.


def judge(min_cutoff, beta):
    """Share of the jitter's energy that is removed at rest, and the lag in motion in frames."""
    filtered = {}
    for name, signal in (("clean", truth), ("noisy", seen)):
        steady = OneEuroFilter(min_cutoff=min_cutoff, beta=beta)
        filtered[name] = np.array([steady(np.array([[x, 0.0]]), 1 / rate)[0, 0] for x in signal])
    rest, motion = slice(10, 40), slice(46, 55)
    left = np.diff(filtered["noisy"][rest]).var() / np.diff(seen[rest]).var()
    behind = (truth - filtered["clean"])[motion].sum() / np.gradient(truth)[motion].sum()
    return 100 * (1 - left), behind


figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
cutoffs = (0.5, 0.75, 1.0, 1.5, 2.5, 4.0, 7.0)
for beta, label in ((0.0, "low-pass filter"), (40.0, "One Euro filter")):
    removed, lag = np.transpose([judge(cutoff, beta) for cutoff in cutoffs])
    axis.plot(lag, removed, "o-", label=label)
removed, lag = judge(1.5, 40.0)
print(f"as it is set: {removed:.0f} % of the jitter removed, {lag:.2f} frames of lag")
axis.plot(lag, removed, "k*", markersize=12, label="as it is set")
axis.set(xlabel="lag in motion, frames", ylabel="jitter removed at rest, %", ylim=(0, 100))
axis.legend(fontsize="small")
