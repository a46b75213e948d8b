"""
How faces vary: the point distribution model
============================================

Principal components of aligned shapes: the first ones turn the head, others open the mouth. ASM,
AAM and the starts of training rest on this model.
"""

import matplotlib.pyplot as plt
import numpy as np

from cascade import PointDistributionModel
from data_tools.plots import draw_shape, montage
from data_tools.synthetic import synthetic_faces

N_FACES = 150
faces = synthetic_faces(N_FACES, seed=1, size=160)
model = PointDistributionModel.fit(faces.shapes)
shares = model.variances / model.variances.sum()
print(f"{len(shares)} components keep 98 % of the variance; the first {100 * shares[0]:.0f} %")

# %%
# The first three components, one a row, from -2.5 to 2.5 standard deviations.
cells = []
side = np.ptp(model.mean, axis=0).max() * 1.5
for index in range(3):
    for at in (-2.5, -1.25, 0.0, 1.25, 2.5):
        shape = model.mode(index, at) * 150 / side + 75
        cells.append(draw_shape(np.full((150, 150), 40, np.uint8), shape, faces.scheme))
plt.figure(figsize=(8, 5), layout="constrained")
plt.imshow(montage(cells, columns=5)[..., ::-1])
plt.axis("off")

# %%
# Missing landmarks follow from the others: the model completes a shape whose right half is missing.
shape = faces.shapes[0].copy()
shape[shape[:, 0] > np.median(shape[:, 0])] = np.nan
whole = model.completed(shape[None])[0]
pictures = [draw_shape(faces.image(0), each, faces.scheme) for each in (shape, whole)]
plt.figure(figsize=(5, 2.6), layout="constrained")
plt.imshow(montage(pictures)[..., ::-1])
plt.axis("off")
