"""
Landmark schemes, and a scheme of your own
==========================================

A scheme says what the points of a face are: which is whose mirror image, what lines to draw, and
what errors are divided by. Some schemes can be converted into others.
"""

import matplotlib.pyplot as plt
import numpy as np

from data_tools.plots import draw_shape, montage
from data_tools.schemes import FACE5, FACE68, INNER51, Scheme
from data_tools.schemes.maps import convert
from data_tools.synthetic import synthetic_faces

faces = synthetic_faces(1, seed=3, size=300)

# %%
# 68 points, the 51 inside the face, and five, all from the same annotation.
cells = []
for scheme in (FACE68, INNER51, FACE5):
    shape = convert(faces.shapes, FACE68, scheme)[0]
    cells.append(draw_shape(faces.image(0), shape, scheme, numbers=scheme is FACE5))
plt.figure(figsize=(9, 3.2), layout="constrained")
plt.imshow(montage(cells)[..., ::-1])
plt.axis("off")

# %%
# A scheme of one's own: two eyes and a mouth. Only its name and number of points are needed;
# ``flip`` allows mirrored training, and ``groups`` are the lines.
own = Scheme(
    "eyes and mouth",
    6,
    flip=(3, 2, 1, 0, 5, 4),
    groups={"right eye": ((0, 1), False), "left eye": ((2, 3), False), "mouth": ((4, 5), False)},
    eye_corners=(0, 3),
)
shape = faces.shapes[0][[36, 39, 42, 45, 48, 54]]
mirrored = own.mirrored(shape[None] - np.array([150, 0]))[0] + np.array([150, 0])
cells = [
    draw_shape(faces.image(0), shape, own, numbers=True),
    draw_shape(faces.image(0)[:, ::-1], mirrored, own, numbers=True),
]
plt.figure(figsize=(7, 3.6), layout="constrained")
plt.imshow(montage(cells)[..., ::-1])
plt.axis("off")
