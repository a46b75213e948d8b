"""
ERT, ESR and CPR: trees and ferns on pixel differences
======================================================

ERT boosts regression trees, ESR and CPR boost ferns; all of them compare pairs of pixels whose
places are tied to the landmarks. These small models show how each method comes down; with more
trees and more faces, all are much better.
"""

import matplotlib.pyplot as plt

import cascade
from cascade import Starts
from data_tools.metrics import nme
from data_tools.synthetic import synthetic_faces

N_FACES = 100
N_TEST = 20
N_STAGES = 5
N_TREES = 50
faces = synthetic_faces(N_FACES, seed=1, size=160)
test = synthetic_faces(N_TEST, seed=2, size=160)
starts = Starts(n=5)

models = {
    "ERT": cascade.ERT(n_stages=N_STAGES, n_trees=N_TREES, starts=starts, random_state=0),
    "ESR": cascade.ESR(n_stages=N_STAGES, n_ferns=N_TREES, starts=starts, random_state=0),
    "CPR": cascade.CPR(n_stages=5 * N_STAGES, n_ferns=N_TREES // 10, starts=starts, random_state=0),
}

# %%
# The error of each on faces that were not trained on, after each stage. CPR has five times as many
# stages, each with a tenth of the ferns.
plt.figure(figsize=(6, 3.4), layout="constrained")
for name, model in models.items():
    model.fit(faces)
    aligned = [
        model.align(test.image(i), test.boxes[i], staged=True, n_starts=1) for i in range(N_TEST)
    ]
    n_stages = len(aligned[0].staged)
    errors = []
    for t in range(n_stages):
        shapes = [found.staged[t, 0] for found in aligned]
        errors.append(100 * nme(shapes, test.shapes, test.scheme).mean())
    plt.plot([(t + 1) / n_stages for t in range(n_stages)], errors, label=name)
plt.xlabel("share of the stages")
plt.ylabel("error, % of the eye distance")
plt.legend()

# %%
# What one ERT stage reads: its pixels lie around the mean shape, and move with the landmarks.
stage = models["ERT"].stages_[0]
points = stage.feature.positions(models["ERT"].reference)
mean = models["ERT"].reference
plt.figure(figsize=(4, 4), layout="constrained")
plt.scatter(*points.T, s=4, label="pixels")
plt.scatter(*mean.T, s=14, label="landmarks")
plt.gca().invert_yaxis()
plt.axis("equal")
plt.legend(fontsize="small")
