"""
Why the boxes matter
====================

A cascade learns where faces lie in the boxes of one detector. With the boxes of another, its
starts are wrong, and errors grow. ``BoxCorrection`` learns the shift and scale between the two.
"""

import matplotlib.pyplot as plt
import numpy as np

import cascade
from data_tools.corrections import BoxCorrection
from data_tools.metrics import nme
from data_tools.synthetic import synthetic_faces

N_FACES = 100
N_TEST = 25
faces = synthetic_faces(N_FACES, seed=1, size=160)
test = synthetic_faces(N_TEST, seed=2, size=160)
model = cascade.SDM(n_stages=4, n_cells=2, n_parts=1, confidence=False, random_state=0).fit(faces)


def error(boxes):
    """Mean error in percent with other boxes."""
    shapes = [model.predict(test.image(i), boxes[i]) for i in range(N_TEST)]
    return 100 * nme(shapes, test.shapes, test.scheme).mean()


# %%
# Boxes that are shifted downwards, or larger, by a share of their side.
sides = (test.boxes[:, 2:] - test.boxes[:, :2]).mean(1, keepdims=True)
amounts = np.linspace(0, 0.4, 5)
shifted = [error(test.boxes + a * sides * [0, 1, 0, 1]) for a in amounts]
larger = [error(test.boxes + a * sides * [-0.5, -0.5, 0.5, 0.5]) for a in amounts]
plt.figure(figsize=(6, 3.4), layout="constrained")
plt.plot(100 * amounts, shifted, marker="o", label="shifted down")
plt.plot(100 * amounts, larger, marker="o", label="larger")
plt.xlabel("% of the box side")
plt.ylabel("error, % of the eye distance")
plt.legend()

# %%
# A detector whose boxes are 40 % larger and shifted: the correction is learned on training faces,
# and nearly all of the error is gone.
side = (faces.boxes[:, 2:] - faces.boxes[:, :2]).mean(1, keepdims=True)
other = faces.boxes + side * [-0.2, -0.1, 0.2, 0.3]
correction = BoxCorrection.fit(other, faces.boxes)
theirs = test.boxes + sides * [-0.2, -0.1, 0.2, 0.3]
print(f"own boxes           {error(test.boxes):5.2f} %")
print(f"the other's boxes   {error(theirs):5.2f} %")
print(f"corrected           {error(correction.apply(theirs)):5.2f} %")
