"""
How sure is the model?
======================

An SDM estimates, from the image at the landmarks it found, the probability that its error is
small. Where the box is wrong, the probability falls.
"""

import matplotlib.pyplot as plt
import numpy as np

import cascade
from data_tools.metrics import nme
from data_tools.synthetic import synthetic_faces

N_FACES = 80
N_TEST = 40
faces = synthetic_faces(N_FACES, seed=1, size=160)
test = synthetic_faces(N_TEST, seed=2, size=160)
model = cascade.SDM(n_stages=3, n_cells=2, n_parts=2, confidence=True, random_state=0).fit(faces)

# %%
# Good boxes and wrong ones, shifted at random by up to a whole box side.
rng = np.random.default_rng(0)
sides = (test.boxes[:, 2:] - test.boxes[:, :2]).mean(1, keepdims=True)
shift = rng.uniform(-1, 1, (N_TEST, 2)) * sides * np.linspace(0, 1, N_TEST)[:, None]
found = [
    model.align(test.image(i), test.boxes[i] + np.tile(shift[i], 2), confidence=True)
    for i in range(N_TEST)
]
shapes = np.concatenate([each.shapes for each in found])
errors = 100 * nme(shapes, test.shapes, test.scheme)
sure = np.concatenate([each.face_confidence for each in found])
plt.figure(figsize=(5, 3.6), layout="constrained")
plt.scatter(errors, sure, s=14)
plt.axvline(8, color="0.6", linestyle="--")
plt.xscale("log")
plt.xlabel("error, % of the eye distance")
plt.ylabel("confidence")
