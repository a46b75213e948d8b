"""
LBF: forests whose leaves are a binary code
===========================================

Each landmark has a small forest of its own that compares pixels near it. The leaves that a face
falls into, 0 or 1, are the features of one linear regression for the whole shape.
"""

import matplotlib.pyplot as plt
import numpy as np

import cascade
from cascade import Starts
from data_tools.metrics import nme
from data_tools.plots import montage, overlay
from data_tools.synthetic import synthetic_faces

N_FACES = 80
N_TEST = 20
N_TREES = 3
faces = synthetic_faces(N_FACES, seed=1, size=160)
test = synthetic_faces(N_TEST, seed=2, size=160)
model = cascade.LBF(
    radius=(0.25, 0.17, 0.12), n_trees=N_TREES, depth=4, starts=Starts(n=4), random_state=0
).fit(faces)
shapes = model.predict_faces(test)
print(f"mean error {100 * nme(shapes, test.shapes, test.scheme).mean():.2f} %")

# %%
# The places that the forests may look at become narrower from stage to stage: far enough at first
# to see a landmark that lies elsewhere, near at last to be exact.
figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained", sharex=True, sharey=True)
for t, axis in enumerate(axes):
    offsets = model.stages_[t].feature.offsets
    axis.scatter(*offsets.T, s=5)
    axis.add_patch(plt.Circle((0, 0), model.radius[t], fill=False))
    axis.set(title=f"stage {t + 1}: radius {model.radius[t]}", aspect="equal")

# %%
# The faces that it finds.
cells = [overlay(test.image(i), shapes[i][None], test.scheme) for i in range(min(6, N_TEST))]
plt.figure(figsize=(9, 1.8), layout="constrained")
plt.imshow(montage(cells, columns=6)[..., ::-1])
plt.axis("off")
print("leaves of each stage:", [int(np.prod(s.feature.threshold.shape)) for s in model.stages_])
