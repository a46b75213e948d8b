"""
The loop, stage by stage
========================

Every method starts at the mean shape in the face box, and each stage moves it by what a regressor
reads from the image around the current shape. ``align(..., staged=True)`` shows the way.
"""

import matplotlib.pyplot as plt
import numpy as np

import cascade
from data_tools.metrics import nme
from data_tools.plots import montage, overlay
from data_tools.synthetic import synthetic_faces

N_FACES = 150
N_TEST = 20
faces = synthetic_faces(N_FACES, seed=1, size=160)
test = synthetic_faces(N_TEST, seed=2, size=160)
model = cascade.SDM(n_stages=4, n_parts=1, confidence=False, random_state=0).fit(faces)

# %%
# The start and the shape after each stage, on three faces that were not trained on.
cells, ways = [], []
for i in range(N_TEST):
    found = model.align(test.image(i), test.boxes[i], staged=True)
    way = [found.initial, *found.staged]
    ways.append(np.concatenate(way))
    if i < 3:
        cells += [overlay(test.image(i), shapes, test.scheme) for shapes in way]
plt.figure(figsize=(9, 5.6), layout="constrained")
plt.imshow(montage(cells, columns=5)[..., ::-1])
plt.axis("off")

# %%
# The error falls from stage to stage, most of it in the first two.
errors = [nme(shapes, test.shapes, test.scheme) for shapes in np.swapaxes(ways, 0, 1)]
plt.figure(figsize=(6, 3), layout="constrained")
plt.boxplot(100 * np.array(errors).T, tick_labels=range(len(errors)))
plt.xlabel("stages")
plt.ylabel("error, % of the eye distance")
