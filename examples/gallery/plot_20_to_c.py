"""
A model as one C file
=====================

``cascade convert MODEL model.c`` writes a model as C99 without dependencies. This example trains a
small one, writes it, and shows what is in the file.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import cascade
from cascade import Starts
from cascade.formats import format_of
from data_tools.synthetic import synthetic_faces

N_FACES = 60
N_TREES = (5, 10, 20)
faces = synthetic_faces(N_FACES, seed=1, size=160)

# %%
# Size of the model file and of the C source with the number of trees.
sizes = {".safetensors": [], ".c": []}
with tempfile.TemporaryDirectory() as folder:
    for n_trees in N_TREES:
        model = cascade.ERT(n_stages=3, n_trees=n_trees, starts=Starts(n=4), random_state=0)
        model.fit(faces)
        for suffix, known in sizes.items():
            path = Path(folder) / f"model{suffix}"
            format_of(path).write(model, path)
            known.append(path.stat().st_size / 1e3)
    head = (Path(folder) / "model.c").read_text()[:700]
plt.figure(figsize=(5, 3.2), layout="constrained")
for suffix, known in sizes.items():
    plt.plot(N_TREES, known, marker="o", label=suffix)
plt.xlabel("trees a stage")
plt.ylabel("kB")
plt.legend()

# %%
# The first lines say how to compile and call it.
print(head)
