"""
Augmentation: turned heads, light and worse pictures
====================================================

``augment`` appends changed copies of faces to a data set. Their landmarks and boxes move along,
and their images are made when they are asked for.
"""

import matplotlib.pyplot as plt

from data_tools.augment import AUGMENTATIONS, augment, parse
from data_tools.plots import montage, overlay
from data_tools.synthetic import synthetic_faces

N_FACES = 12
COPIES = 4
faces = synthetic_faces(N_FACES, seed=1, size=300)

# %%
# A row for each recipe. With ``p=1`` every copy is changed. Landmarks are drawn where a recipe
# moves or covers them; covered ones are red.
names = ("pose", "expression", "light", "occlusion", "blur", "jpeg")
figure, axes = plt.subplots(len(names), 1, figsize=(7, 11), layout="constrained")
for name, axis in zip(names, axes, strict=True):
    more = augment(faces, parse(name, {f"{name}.p": 1.0}), COPIES, seed=3)
    cells = []
    for i in (N_FACES * (k + 1) + 1 for k in range(COPIES)):
        cell = more.image(i)
        if AUGMENTATIONS[name].moves:
            cell = overlay(cell, more.shapes[i : i + 1], visible=more.visible[i : i + 1])
        margin = len(cell) // 6
        cells.append(cell[margin:-margin, margin:-margin])
    axis.imshow(montage(cells, columns=COPIES)[..., ::-1])
    axis.set_title(name, loc="left")
    axis.axis("off")
