"""
Head pose from landmarks
========================

A rigid 3-D head of 68 landmarks is laid through the landmarks of a face; its rotation is the pose.
It needs no camera and no training. Distances along the view are foreshortened alike (weak
perspective).
"""

import matplotlib.pyplot as plt
import numpy as np

from data_tools.heads import head_shape, pose
from data_tools.plots import draw_shape, montage
from data_tools.synthetic import synthetic_faces

N_FACES = 60
faces = synthetic_faces(N_FACES, seed=5, size=160)
angles = pose(faces.shapes)
print(np.round(np.abs(angles).mean(0), 1), "degrees of yaw, pitch and roll on average")

# %%
# Faces in the order of their yaw. A positive yaw turns the nose to the left of the image.
order = np.argsort(angles[:, 0])[np.linspace(0, N_FACES - 1, 5).astype(int)]
cells = [draw_shape(faces.image(i), faces.shapes[i], faces.scheme) for i in order]
figure = plt.figure(figsize=(9, 2.2), layout="constrained")
plt.imshow(montage(cells, columns=5)[..., ::-1])
plt.title("yaw " + ",  ".join(f"{angles[i, 0]:.0f}°" for i in order))
plt.axis("off")

# %%
# The head itself, from the front and from the side.
points = head_shape("face68").points
figure, axes = plt.subplots(1, 2, figsize=(6, 3), layout="constrained", sharey=True)
axes[0].scatter(points[:, 0], points[:, 1], s=8)
axes[1].scatter(points[:, 2], points[:, 1], s=8)
axes[0].invert_yaxis()
for axis, title in zip(axes, ("from the front", "from the side"), strict=True):
    axis.set(title=title, aspect="equal")
