"""
SDM with cross-fitting
======================

A ridge regression on thousands of numbers fits its own training faces better than others, so the
next stage would train on faces that lie too well. With ``n_parts=4`` the faces are divided into
four parts, and each part is moved by a regression that was fitted without it.
"""

import matplotlib.pyplot as plt

import cascade
from data_tools.metrics import nme
from data_tools.synthetic import synthetic_faces

N_FACES = 120
N_TEST = 40
faces = synthetic_faces(N_FACES, seed=1, size=160)
test = synthetic_faces(N_TEST, seed=2, size=160)

# %%
# Training error (dashed) and error on other faces (solid) after each stage. Without cross-fitting
# the training error is far too hopeful.
plt.figure(figsize=(6, 3.4), layout="constrained")
for n_parts, colour in ((1, "C1"), (4, "C0")):
    model = cascade.SDM(
        n_stages=4, n_cells=2, n_parts=n_parts, confidence=False, random_state=0
    ).fit(faces)
    staged = [model.align(test.image(i), test.boxes[i], staged=True).staged for i in range(N_TEST)]
    errors = [
        100 * nme([way[t, 0] for way in staged], test.shapes, test.scheme).mean() for t in range(4)
    ]
    trained = [100 * row["train_nme"] for row in model.history_]
    name = "cross-fitted in 4 parts" if n_parts > 1 else "without"
    plt.plot(range(1, 5), errors, color=colour, label=f"{name}, other faces")
    plt.plot(range(1, 5), trained, color=colour, linestyle="--", label=f"{name}, training")
plt.xlabel("stages")
plt.ylabel("error, % of the eye distance")
plt.legend(fontsize="small")
