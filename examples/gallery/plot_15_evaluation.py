"""
Comparing two models
====================

The same faces and boxes for both; the cumulative error curve; an interval for each mean; and a
paired test of the difference.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import cascade
from data_tools.metrics import auc, bootstrap_interval, failure_rate, nme, paired_test
from data_tools.plots import plot_ced
from data_tools.synthetic import synthetic_faces

N_FACES = 100
N_TEST = 50
faces = synthetic_faces(N_FACES, seed=1, size=160)
test = synthetic_faces(N_TEST, seed=2, size=160)
errors = {}
for n_stages in (2, 4):
    model = cascade.SDM(
        n_stages=n_stages, n_cells=2, n_parts=1, confidence=False, random_state=0
    ).fit(faces)
    shapes = model.predict_faces(test)
    errors[f"{n_stages} stages"] = nme(shapes, test.shapes, test.scheme)

# %%
# Mean with its interval, area under the curve, and the share of faces with an error above 8 %.
for name, each in errors.items():
    low, high = bootstrap_interval(each)
    print(
        f"{name}: {100 * each.mean():.2f} % ({100 * low:.2f} to {100 * high:.2f}), "
        f"AUC {100 * auc(each):.1f}, failures {100 * failure_rate(each, 0.08):.1f} %"
    )
print(paired_test(*errors.values()))

# %%
# Share of the faces whose error is at most x.
with tempfile.TemporaryDirectory() as folder:
    plot_ced(errors, Path(folder) / "ced.png")
    picture = plt.imread(Path(folder) / "ced.png")
plt.figure(figsize=(8, 4), layout="constrained")
plt.imshow(picture)
plt.axis("off")
