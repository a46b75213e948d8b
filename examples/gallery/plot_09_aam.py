"""
AAM: shape and appearance together
==================================

An active appearance model looks for the shape in which the face, warped to the mean shape, is
explained best by its components.
"""

import matplotlib.pyplot as plt

import cascade
from data_tools.metrics import nme
from data_tools.plots import montage, overlay
from data_tools.synthetic import synthetic_faces

N_FACES = 60
N_TEST = 10
faces = synthetic_faces(N_FACES, seed=1, size=160)
test = synthetic_faces(N_TEST, seed=2, size=160)
model = cascade.AAM(scales=(12.0, 24.0), n_appearances=(30, 30), random_state=0).fit(faces)

# %%
# The start and the shape after each level.
found = model.align(test.image(0), test.boxes[0], staged=True)
cells = [overlay(test.image(0), way, test.scheme) for way in (found.initial, *found.staged)]
plt.figure(figsize=(7, 2.6), layout="constrained")
plt.imshow(montage(cells)[..., ::-1])
plt.axis("off")

# %%
# The face in the mean shape, and the nearest that the model comes to it.
made = model.reconstruct(test.image(0), test.boxes[0])
figure, axes = plt.subplots(1, 2, figsize=(5, 2.8), layout="constrained")
for axis, picture, title in zip(axes, (made.seen, made.made), ("seen", "made"), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(title)
    axis.axis("off")

# %%
errors = nme(model.predict_faces(test), test.shapes, test.scheme)
print(f"mean error {100 * errors.mean():.2f} % of the eye distance")
