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
