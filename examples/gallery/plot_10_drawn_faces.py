"""
Drawn faces
===========

The package draws faces with known landmarks: heads in three dimensions with identity, expression,
pose, light and clutter, and things that cover them. They are for tests, examples and first trials.
"""

import matplotlib.pyplot as plt

from data_tools.plots import montage, overlay
from data_tools.synthetic import synthetic_faces

N_FACES = 10
plain = synthetic_faces(N_FACES, seed=4, size=160)
covered = synthetic_faces(N_FACES, seed=4, size=160, occluders=1.0)

# %%
# The same faces with and without something in front; the covered landmarks are red. The landmarks
# are known there too.
cells = []
for faces in (plain, covered):
    for i in range(5):
        visible = faces.visible[i : i + 1]
        cells.append(
            overlay(faces.image(i), faces.shapes[i : i + 1], faces.scheme, visible=visible)
        )
plt.figure(figsize=(9, 3.8), layout="constrained")
plt.imshow(montage(cells, columns=5)[..., ::-1])
plt.axis("off")

# %%
# A dense scheme has more points on the same surface; here 300.
dense = synthetic_faces(2, seed=4, size=160, points=300)
cells = [overlay(dense.image(i), dense.shapes[i : i + 1]) for i in range(2)]
plt.figure(figsize=(6, 3.2), layout="constrained")
plt.imshow(montage(cells)[..., ::-1])
plt.axis("off")
