"""An installation that only predicts: numpy, numba, OpenCV and safetensors, and nothing else."""

import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
_PREDICT = """
import importlib.abc
import sys

ALLOWED = {"numpy", "numba", "llvmlite", "cv2", "safetensors", "cascade", "features", "data_tools"}


class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in ALLOWED and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
import numpy as np
import cascade
from cascade.video.tracking import Tracker
from data_tools.heads import pose

asked = np.load(sys.argv[1])
image, boxes = asked["image"], asked["boxes"]
for name in ("sdm68", "ert68", "lbf68-fast"):
    model = cascade.load(name)
    shapes = model.align(image, boxes).shapes
    assert shapes.shape == (1, 68, 2) and np.array_equal(model.predict(image, boxes), shapes)
model = cascade.load("sdm68", mapped=True)
found = cascade.find_faces(image, model)
assert len(found) == 1 and np.isfinite(pose(found.shapes)).all()
cascade.draw(image, found, sys.argv[2])
assert len(Tracker(model, lambda grey: boxes).update(image)) == 1
for name in ("scipy", "sklearn", "typer", "matplotlib"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise AssertionError(f"{name} is not blocked")
print("predicted")
"""


def test_four_packages_predict(synthetic, tmp_path):
    np.savez(tmp_path / "face.npz", image=synthetic.image(0), boxes=synthetic.boxes[:1])
    command = [sys.executable, "-c", _PREDICT, tmp_path / "face.npz", tmp_path / "drawn.png"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "predicted" in done.stdout and (tmp_path / "drawn.png").is_file()
