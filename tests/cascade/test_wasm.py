"""C source as WebAssembly, run by Node.js with the page's own loader."""

import json
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascade.detection import c_source
from cascade.detection.jda.detector import JdaDetector
from cascade.detection.jda.running import ANGLES
from cascade.formats.c import export
from cascade.models import pretrained
from data_tools.synthetic import synthetic_faces

from .c_code import to_wasm

_PAGE = Path(__file__).resolve().parents[2] / "examples" / "browser"
_RUN = """
import { readFileSync } from "node:fs";
import { load } from "./wasm.js";
const fit = await load(readFileSync("model.wasm"));
const answers = [];
for (const { size, box } of JSON.parse(process.argv[2])) {
  const [width, height] = size;
  const data = readFileSync(`${width}.rgba`);
  answers.push(await fit({ data, width, height }, box));
}
console.log(JSON.stringify(answers));
"""


@pytest.mark.parametrize("name", ["ert", "lbf", "sdm", "keys", "rcpr", "sdm-routes"])
def test_the_same_landmarks(small_models, synthetic, tmp_path, name):
    if shutil.which("node") is None:
        pytest.skip("no Node.js")
    model = small_models[name]
    to_wasm(export.dumps(model), tmp_path)
    for script in ("wasm.js", "grey.js"):
        shutil.copy(_PAGE / script, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "run.js").write_text(_RUN)
    face, box = synthetic.image(0), synthetic.boxes[0]
    asked, ours = [], []
    for width in (70, 160, 900):  # the last makes the memory grow
        scale = width / face.shape[1]
        image = cv2.resize(face, (width, width))
        cv2.cvtColor(image, cv2.COLOR_GRAY2RGBA).tofile(tmp_path / f"{width}.rgba")
        boxes = [np.float32(box * scale), np.float32(box * scale - 0.3 * width)]
        asked += [{"size": image.shape[::-1], "box": b.tolist()} for b in boxes]
        ours += [model.predict(image, b) for b in boxes]
    asked.append({"size": asked[0]["size"], "box": [5, 5, 5, 9]})
    done = subprocess.run(
        ["node", "run.js", json.dumps(asked)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[:2000]
    *found, impossible = json.loads(done.stdout)
    assert np.abs(np.subtract(found, ours)).max() < 0.01
    assert all(value is None for point in impossible for value in point)  # NaN, in JSON


_FIND = """
import { readFileSync } from "node:fs";
import { loadDetector } from "./detector.js";
const find = await loadDetector(readFileSync("detector.wasm"));
const answers = JSON.parse(process.argv[2]).map(([width, height]) =>
  find({ data: readFileSync(`${width}.rgba`), width, height }));
console.log(JSON.stringify(answers));
"""


def test_the_same_faces(tmp_path):
    if shutil.which("node") is None:
        pytest.skip("no Node.js")
    to_wasm(c_source.dumps(pretrained("jda")), tmp_path, "detector")
    for script in ("detector.js", "grey.js"):
        shutil.copy(_PAGE / script, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "find.js").write_text(_FIND)
    faces, sizes, ours = synthetic_faces(3, seed=9, size=200), [], []
    for width in (300, 517, 900):  # the last makes the memory grow
        image = np.hstack([faces.image(i) for i in range(3)])
        image = cv2.resize(image, (width, width // 3))
        cv2.cvtColor(image, cv2.COLOR_GRAY2RGBA).tofile(tmp_path / f"{width}.rgba")
        sizes.append(image.shape[::-1])
        ours.append(pretrained("jda").detect(
            image, min_size=20.0, min_score=JdaDetector.LEAST, rotation=ANGLES))  # fmt: skip
    done = subprocess.run(
        ["node", "find.js", json.dumps(sizes)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[:2000]
    for found, expected in zip(json.loads(done.stdout), ours, strict=True):
        assert len(found) == len(expected) >= 2
        for face, box, shape in zip(found, expected.boxes, expected.shapes, strict=True):
            assert np.abs(np.subtract(face["box"], box)).max() < 0.01
            assert np.abs(np.subtract(face["points"], shape)).max() < 0.01
