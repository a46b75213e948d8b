"""
Train, fit, draw
================

An SDM learns from 150 drawn faces and fits others. This is the whole way: faces, a model,
landmarks, an error, and a picture.
"""

import matplotlib.pyplot as plt

import cascade
from data_tools.metrics import nme
from data_tools.plots import montage, overlay
from data_tools.synthetic import synthetic_faces

N_FACES = 150
N_TEST = 8
faces = synthetic_faces(N_FACES, seed=1, size=160)
test = synthetic_faces(N_TEST, seed=2, size=160)

# %%
# A quick recipe: four stages, no cross-fitting and no confidence, which take most of the time.
model = cascade.SDM(n_stages=4, n_parts=1, confidence=False, random_state=0).fit(faces)
model  # noqa: B018 (shown as a table)

# %%
# ``predict_faces`` finds the landmarks of a whole data set. The error is the mean distance from the
# true landmarks, divided by the distance of the outer eye corners.
shapes = model.predict_faces(test)
errors = nme(shapes, test.shapes, test.scheme)
print(f"mean error {100 * errors.mean():.2f} %")

# %%
# Every face with its box (orange) and the landmarks that were found.
cells = [
    overlay(test.image(i), shapes[i : i + 1], test.scheme, test.boxes[i : i + 1])
    for i in range(N_TEST)
]
plt.figure(figsize=(8, 4.2), layout="constrained")
plt.imshow(montage(cells, columns=4)[..., ::-1])
plt.axis("off")
