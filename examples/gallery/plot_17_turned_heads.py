"""
Faces that are turned in the plane
==================================

With key shapes, a face is tried upright and turned to both sides; a learned score takes the best
after two stages.
"""

import matplotlib.pyplot as plt
import numpy as np

import cascade
from cascade import Poses
from data_tools.metrics import nme
from data_tools.synthetic import synthetic_faces

N_FACES = 100
N_TEST = 15
ANGLES = (0, 15, 30, 45)
faces = synthetic_faces(N_FACES, seed=1, size=160)
test = synthetic_faces(N_TEST, seed=2, size=160)
options = {"n_stages": 4, "n_cells": 2, "n_parts": 1, "confidence": False, "random_state": 0}
models = {
    "upright start": cascade.SDM(**options).fit(faces),
    "three key shapes": cascade.SDM(**options, poses=Poses(roll=35.0)).fit(faces),
}


# %%
# The images are turned about the centre of the box, so that the box stays right.
def turned(i, degrees):
    """Image and landmarks of a face, turned about its box."""
    import cv2

    centre = (test.boxes[i, :2] + test.boxes[i, 2:]) / 2
    matrix = cv2.getRotationMatrix2D(centre.tolist(), degrees, 1.0)
    image = cv2.warpAffine(test.image(i), matrix, (160, 160), borderMode=cv2.BORDER_REPLICATE)
    return image, test.shapes[i] @ matrix[:, :2].T + matrix[:, 2]


plt.figure(figsize=(6, 3.4), layout="constrained")
for name, model in models.items():
    errors = []
    for degrees in ANGLES:
        pairs = [turned(i, degrees) for i in range(N_TEST)]
        shapes = [model.predict(pairs[i][0], test.boxes[i]) for i in range(N_TEST)]
        truth = np.array([shape for _, shape in pairs])
        errors.append(100 * nme(shapes, truth, test.scheme).mean())
    plt.plot(ANGLES, errors, marker="o", label=name)
plt.xlabel("degrees")
plt.ylabel("error, % of the eye distance")
plt.yscale("log")
plt.legend()
