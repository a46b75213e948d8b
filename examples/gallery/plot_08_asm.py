"""
ASM: search, then agree on a shape
==================================

An active shape model looks for every landmark near where it was thought to be, and the shape model
says what all findings together mean; from coarse to fine.
"""

import matplotlib.pyplot as plt

import cascade
from data_tools.metrics import nme
from data_tools.plots import montage, overlay
from data_tools.synthetic import synthetic_faces

N_FACES = 60
N_TEST = 10
faces = synthetic_faces(N_FACES, seed=1, size=160)
test = synthetic_faces(N_TEST, seed=2, size=160)
model = cascade.ASM(scales=(12.0, 22.0, 40.0), n_cells=5, random_state=0).fit(faces)

# %%
# The start, and the shape after each of the three levels.
cells = []
for i in range(2):
    found = model.align(test.image(i), test.boxes[i], staged=True)
    cells += [overlay(test.image(i), way, test.scheme) for way in (found.initial, *found.staged)]
plt.figure(figsize=(8, 4.2), layout="constrained")
plt.imshow(montage(cells, columns=4)[..., ::-1])
plt.axis("off")

# %%
errors = nme(model.predict_faces(test), test.shapes, test.scheme)
print(f"mean error {100 * errors.mean():.2f} % of the eye distance")
