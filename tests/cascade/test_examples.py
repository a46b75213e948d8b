"""The examples that users copy run, and learn."""

import re
import runpy
from pathlib import Path

import cv2

from cascade import AAM
from data_tools.augment import AUGMENTATIONS

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_own_stage_learns(capsys):
    runpy.run_path(str(EXAMPLES / "own_stage.py"), run_name="__main__")
    errors = [float(error) for error in re.findall(r"NME ([\d.]+) %", capsys.readouterr().out)]
    assert len(errors) == 4 and errors == sorted(errors, reverse=True)
    assert errors[0] < 17 and errors[-1] < 8


def test_pictures_of_shape_models(tmp_path, monkeypatch, synthetic):
    model = AAM(scales=(10.0,), n_appearances=(5,), random_state=0).fit(synthetic)
    model.save(tmp_path / "aam")
    cv2.imwrite(str(tmp_path / "face.png"), synthetic.image(0))
    box = [str(edge) for edge in synthetic.boxes[0]]
    words = [tmp_path / "aam", tmp_path / "face.png", *box, "--out", tmp_path / "pictures"]
    monkeypatch.setattr("sys.argv", ["shape_models.py", *map(str, words)])
    runpy.run_path(str(EXAMPLES / "shape_models.py"), run_name="__main__")
    for name in ("modes", "steps", "reconstruction"):
        picture = cv2.imread(str(tmp_path / "pictures" / f"{name}.png"))
        assert picture.std() > 5, name


def test_page_of_augmentations(tmp_path, monkeypatch):
    page = tmp_path / "page.jpg"
    monkeypatch.setattr("sys.argv", ["augmentations.py", str(page)])
    runpy.run_path(str(EXAMPLES / "pictures" / "augmentations.py"), run_name="__main__")
    assert page.stat().st_size < 200_000
    drawn = cv2.imread(str(page))
    height = len(AUGMENTATIONS) * (128 + 22) + 22
    assert drawn.shape == (height, 8 * 128, 3) and drawn.std() > 20
    kept = cv2.imread(str(EXAMPLES / "pictures" / "augmentations.jpg"))
    assert kept.shape == drawn.shape  # drawn anew when a recipe is added
