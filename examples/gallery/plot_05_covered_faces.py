"""
RCPR: which landmarks are covered
=================================

Where the training faces say which landmarks are visible, RCPR learns to say so too. Here
sunglasses, scarves, hands and boards cover most of the faces.
"""

import matplotlib.pyplot as plt
import numpy as np

import cascade
from cascade import Starts
from data_tools.metrics import occlusion_precision_recall
from data_tools.plots import montage, overlay
from data_tools.synthetic import synthetic_faces

N_FACES = 150
N_TEST = 40
N_STAGES = 6
N_FERNS = 90
faces = synthetic_faces(N_FACES, seed=1, size=160, occluders=0.7)
test = synthetic_faces(N_TEST, seed=2, size=160, occluders=0.7)
model = cascade.RCPR(n_stages=N_STAGES, n_ferns=N_FERNS, starts=Starts(n=6), random_state=0).fit(
    faces
)

# %%
# ``visible`` is the probability that a landmark can be seen. Those below one half are drawn red.
found = [model.align(test.image(i), test.boxes[i]) for i in range(N_TEST)]
visible = np.concatenate([each.visible for each in found])
cells = [
    overlay(test.image(i), found[i].shapes, test.scheme, visible=visible[i : i + 1] > 0.5)
    for i in range(min(8, N_TEST))
]
plt.figure(figsize=(8, 4.2), layout="constrained")
plt.imshow(montage(cells, columns=4)[..., ::-1])
plt.axis("off")

# %%
# Precision and recall of the covered landmarks, as the threshold moves.
curve = [
    occlusion_precision_recall(visible, test.visible, threshold)[:2]
    for threshold in np.linspace(0.05, 0.95, 19)
]
precision, recall = 100 * np.array(curve).T
plt.figure(figsize=(4.5, 3.4), layout="constrained")
plt.plot(recall, precision, marker="o", markersize=3)
plt.xlabel("recall, %")
plt.ylabel("precision, %")
