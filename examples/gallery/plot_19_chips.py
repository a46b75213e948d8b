"""
Face chips
==========

Upright faces of one size, as networks that recognise or judge faces want them.
"""

import matplotlib.pyplot as plt
import numpy as np

from data_tools.chips import chip
from data_tools.plots import montage
from data_tools.synthetic import synthetic_faces

N_FACES = 6
faces = synthetic_faces(N_FACES, seed=6, size=240)
chips = [chip(faces.image(i), faces.shapes[i], faces.scheme, size=160)[0] for i in range(N_FACES)]

# %%
# The images as they were, and the chips: the eyes are level and in the same place.
plt.figure(figsize=(9, 3.6), layout="constrained")
plt.imshow(montage([faces.image(i) for i in range(N_FACES)], columns=6))
plt.axis("off")

# %%
plt.figure(figsize=(9, 1.8), layout="constrained")
plt.imshow(montage(chips, columns=6))
plt.axis("off")

# %%
# Their mean is a face, because all parts lie upon one another.
plt.figure(figsize=(2.5, 2.5), layout="constrained")
plt.imshow(np.mean(chips, axis=0), cmap="gray")
plt.axis("off")
