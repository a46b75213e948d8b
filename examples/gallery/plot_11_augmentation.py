"""
Augmentation: turned heads, light and worse pictures
====================================================

``augment`` appends changed copies of faces to a data set. Their landmarks and boxes move along,
and their images are made when they are asked for.
"""

import matplotlib.pyplot as plt

from data_tools.augment import augment, parse
from data_tools.plots import montage, overlay
from data_tools.synthetic import synthetic_faces

N_FACES = 12
COPIES = 4
faces = synthetic_faces(N_FACES, seed=1, size=300)

# %%
# A row for each recipe. With ``p=1`` every copy is changed.
names = ("pose", "expression", "light", "occlusion", "blur", "jpeg")
figure, axes = plt.subplots(len(names), 1, figsize=(7, 11), layout="constrained")
for name, axis in zip(names, axes, strict=True):
    more = augment(faces, parse(name, {f"{name}.p": 1.0}), COPIES, seed=3)
    rows = [N_FACES * (k + 1) + 1 for k in range(COPIES)]
    visible = more.visible
    cells = [
        overlay(more.image(i), more.shapes[i : i + 1], visible=visible[i : i + 1]) for i in rows
    ]
    axis.imshow(montage(cells, columns=COPIES)[..., ::-1])
    axis.set_title(name, loc="left")
    axis.axis("off")
