"""C source, compiled with gcc and clang, beside our own predictor."""

import copy
import re
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cascade import Starts
from cascade.cli import app
from cascade.formats import c as c_format
from cascade.formats.c import export
from cascade.models import pretrained
from features.errors import InputError

from .c_code import COMPILERS, STRICT, compiled, compiler, shared

_FEW = Starts(n=2)


_NAMES = ["ert", "lbf", "sdm", "esr", "rcpr", "keys", "routes", "sdm-routes"]


@pytest.fixture(scope="session")
def libraries(small_models, tmp_path_factory):
    """Compiled small models by name and compiler."""
    made = {}

    def get(name, cc):
        if (name, cc) not in made:
            folder = tmp_path_factory.mktemp(f"{name}-{cc}")
            model = small_models[name]
            n = model.scheme_.n_points
            made[name, cc] = shared(cc, export.dumps(model), folder, n, "-O1")
        return made[name, cc]

    return get


def greatest(ours, theirs):
    return np.abs(np.subtract(ours, theirs)).max()


@pytest.mark.parametrize("cc", COMPILERS)
@pytest.mark.parametrize("name", _NAMES)
def test_faces_of_any_size(small_models, libraries, synthetic, name, cc):
    model, library = small_models[name], libraries(name, cc)
    for i in range(3):
        for scale in (0.3, 1.0, 1.4, 2.6, 6.3):
            image = cv2.resize(synthetic.image(i), None, fx=scale, fy=scale)
            box = synthetic.boxes[i] * scale
            assert greatest(model.predict(image, box), library.predict(image, box)) < 0.01


@pytest.mark.parametrize("name", ["ert", "lbf"])
def test_trees_are_the_same_to_the_bit(small_models, libraries, synthetic, name):
    model, library = small_models[name], libraries(name, "gcc")
    for i in range(5):
        for scale in (0.4, 1.0, 2.2):
            image = cv2.resize(synthetic.image(i), None, fx=scale, fy=scale)
            box = synthetic.boxes[i] * scale
            assert np.array_equal(model.predict(image, box), library.predict(image, box))


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("scale", [1.0, 2.6])
def test_boxes_across_the_border(small_models, libraries, synthetic, name, scale):
    model, library = small_models[name], libraries(name, "gcc")
    image = cv2.resize(synthetic.image(0), None, fx=scale, fy=scale)
    side, (height, width) = 100 * scale, image.shape
    for x, y in ((0, 0), (1, 0.1), (0.3, 1.0), (1.2, 1.1), (-0.25, 0.5)):
        x, y = x * width - side / 2, y * height - side / 2
        box = np.float32([x, y, x + side, y + side * 1.1])
        assert greatest(model.predict(image, box), library.predict(image, box)) < 0.01


def test_spread_and_visibility(small_models, libraries, synthetic):
    model, library = small_models["rcpr"], libraries("rcpr", "gcc")
    spreads = []
    for i in range(6):
        image, box = synthetic.image(i), synthetic.boxes[i]
        ours = model.align(image, box)
        code, points, spread, visible = library.call(image, box)
        assert code == 0
        assert greatest(ours.shapes[0], points) < 0.01
        assert greatest(ours.spread[0], spread) < 1e-4
        assert greatest(ours.visible[0], visible) < 1e-4
        spreads.append(spread.max())
    assert max(spreads) > 0.01 and 0 <= visible.min() < visible.max() <= 1


@pytest.mark.parametrize("options", [{"n_starts": 3}, {"n_starts": 4, "mirror": True}])
@pytest.mark.parametrize("name", ["ert", "keys"])
def test_several_starts_and_the_mirror(small_models, synthetic, tmp_path, options, name):
    model = small_models[name]
    library = shared("gcc", export.dumps(model, **options), tmp_path, 68)
    for i in range(3):
        for scale in (1.0, 2.2):
            image = cv2.resize(synthetic.image(i), None, fx=scale, fy=scale)
            for box in (synthetic.boxes[i] * scale, synthetic.boxes[i] * scale - 60):
                ours = model.predict(image, box, **options)
                assert greatest(ours, library.predict(image, box)) < 0.01


_WRONG = [
    (2, [50, 10, 20, 90]), (2, [np.nan, 0, 9, 9]), (2, [0, 0, np.inf, 9]), (2, [7, 7, 7, 20]),
    (2, [-np.inf, 0, 9, 9]), (2, [0, 0, 3e9, 9]), (3, [900, 0, 990, 90]), (3, [-90, 5, -1, 60]),
]  # fmt: skip


@pytest.mark.parametrize("name", _NAMES)
def test_boxes_and_images_that_cannot_be_have_codes(small_models, libraries, synthetic, name):
    model, library = small_models[name], libraries(name, "gcc")
    image = synthetic.image(0)
    for code, box in _WRONG:
        with pytest.raises(InputError):
            model.predict(image, np.float32(box))
        found, points, *_ = library.call(image, box)
        assert found == code and np.isnan(points).all()
    for wrong in (image[:0], image[:, :0]):
        assert library.call(wrong, synthetic.boxes[0])[0] == 1
    assert library.call(image, synthetic.boxes[0], stride=image.shape[1] - 1)[0] == 1


def test_rows_may_be_longer_than_the_image(libraries, synthetic):
    library, image, box = libraries("sdm", "gcc"), synthetic.image(1), synthetic.boxes[1]
    height, width = image.shape
    wide = np.full((height, width + 37), 255, np.uint8)
    wide[:, :width] = image
    code, points, *_ = library.call(wide, box, width=width)
    assert code == 0 and np.array_equal(points, library.predict(image, box))


_MAIN = """
#include <stdio.h>
#include <stdlib.h>
%s
int main(int argc, char **argv)
{
    FILE *file = fopen(argv[1], "rb");
    int size[2];
    float box[4], points[2 * 68], spread[68], visible[68];
    uint8_t *grey;
    (void)argc;
    if (fread(size, sizeof(int), 2, file) != 2)
        return 1;
    grey = malloc((size_t)size[0] * (size_t)size[1]); /* exactly: a pixel outside is an error */
    if (fread(grey, (size_t)size[0], (size_t)size[1], file) != (size_t)size[1])
        return 1;
    while (fread(box, sizeof(float), 4, file) == 4) {
        int code = cascade_align(grey, size[0], size[1], size[0], box, points, spread, visible);
        code |= cascade_predict(grey, size[0], size[1], size[0], box, points);
        printf("%%d", code);
        for (int c = 0; code == 0 && c < 2 * 68; c++)
            printf(" %%a", points[c]);
        printf("\\n");
    }
    free(grey);
    fclose(file);
    return 0;
}
"""


def _boxes(image, box, rng):
    """Boxes of all kinds: sound ones, across the border, tiny, huge, flat, and those that cannot
    be."""
    height, width = image.shape
    anywhere = rng.uniform(-1, 2, (40, 2)) * (width, height)
    size = np.exp(rng.uniform(np.log(0.5), np.log(3 * width), (40, 2)))
    extreme = [[-9e8, -9e8, 9e8, 9e8], [0, 0, 1e-30, 1e-30], [5, 5, 5.001, 900], [-900, 3, 0, 4]]
    rows = [box, *np.concatenate([anywhere, anywhere + size], 1), *extreme]
    return np.float32([*rows, *(wrong for _, wrong in _WRONG)])


@pytest.mark.parametrize("cc", COMPILERS)
@pytest.mark.parametrize("name", _NAMES)
def test_sanitizers_find_nothing(small_models, synthetic, tmp_path, name, cc):
    model = small_models[name]
    (tmp_path / "model.h").write_text(export.dumps(model, header_only=True, mirror=True))
    (tmp_path / "main.c").write_text(_MAIN % '#include "model.h"')
    checks = ("-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all")
    program = compiled(cc, tmp_path / "main.c", tmp_path / "main", "-O1", "-g", *checks)
    rng = np.random.default_rng(0)
    for k, image in enumerate([synthetic.image(0), synthetic.image(1)[:5, :3], np.zeros((1, 1))]):
        image = np.ascontiguousarray(image, np.uint8)
        boxes = _boxes(image, synthetic.boxes[0], rng)
        data = np.int32(image.shape[::-1]).tobytes() + image.tobytes() + boxes.tobytes()
        (tmp_path / f"faces{k}").write_bytes(data)
        done = subprocess.run(
            [program, tmp_path / f"faces{k}"], capture_output=True, text=True, errors="replace"
        )
        assert done.returncode == 0, done.stderr[:3000]
        lines = done.stdout.splitlines()
        assert len(lines) == len(boxes)
        for box, line in zip(boxes, lines, strict=True):
            code, *numbers = line.split()
            try:
                ours = model.predict(image, box, mirror=True)
            except InputError:
                assert int(code)
                continue
            assert int(code) == 0
            found = np.array([float.fromhex(n) for n in numbers]).reshape(-1, 2)
            side = np.sqrt(np.prod(box[2:].astype(float) - box[:2]))
            # Huge and tiny boxes hold no face, and float32 no hundredth of a pixel.
            if 8 < side < 1e4:
                assert greatest(ours, found) < 0.01 * max(1, side / 140)


@pytest.mark.parametrize("cc", COMPILERS)
@pytest.mark.parametrize("language", ["-std=c99", "-std=c11", "-std=gnu17"])
def test_other_standards_give_the_same(small_models, libraries, synthetic, tmp_path, cc, language):
    model = small_models["sdm"]
    library = shared(cc, export.dumps(model), tmp_path, 68, "-O3", "-march=native", language)
    for i in range(4):
        image, box = synthetic.image(i), synthetic.boxes[i]
        assert greatest(model.predict(image, box), library.predict(image, box)) < 0.01


def test_two_files_may_include_one_header(small_models, tmp_path):
    (tmp_path / "model.h").write_text(export.dumps(small_models["ert"], header_only=True))
    (tmp_path / "one.c").write_text('#include "model.h"\nint one(void) { return 1; }\n')
    (tmp_path / "two.c").write_text(
        '#include "model.h"\n#include "model.h"\nint one(void);\n'
        "int main(void) { float b[4] = {0}, p[136]; uint8_t g = 0;\n"
        "return one() + cascade_predict(&g, 1, 1, 1, b, p) - 3; }\n"
    )
    command = [compiler("gcc"), *STRICT, "-O1", *map(str, tmp_path.glob("*.c")), "-lm"]
    done = subprocess.run([*command, "-o", str(tmp_path / "both")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    assert subprocess.run([tmp_path / "both"]).returncode == 0


def test_the_object_needs_no_more_than_mathematics(small_models, tmp_path):
    """No allocation, no variable that is kept: calls from several threads cannot meet."""
    if shutil.which("nm") is None:
        pytest.skip("no nm; apt-get install binutils")
    for name in ("ert", "keys", "rcpr"):
        (tmp_path / "model.c").write_text(export.dumps(small_models[name]))
        compiled("gcc", tmp_path / "model.c", tmp_path / "model.o", "-O2", "-fno-pie", "-c")
        listing = subprocess.run(
            ["nm", tmp_path / "model.o"], capture_output=True, text=True, check=True
        ).stdout
        kinds = [(line.split()[-2], line.split()[-1]) for line in listing.splitlines()]
        needed = {symbol for kind, symbol in kinds if kind == "U"}
        assert needed <= {"sqrt", "sqrtf", "floor", "floorf", "memcpy", "memset"}
        assert not [symbol for kind, symbol in kinds if kind in "bBdDC"]
        public = {symbol for kind, symbol in kinds if kind == "T"}
        names = "predict", "align", "n_points", "from_detector", "box_of"
        assert public == {f"cascade_{name}" for name in names}


def test_the_source_says_what_it_is(small_models):
    model = copy.copy(small_models["sdm"])
    model.notes_ = {"terms": "research only */ int x;", "data": "Gesichter, größere"}
    text = export.dumps(model)
    head = text[: text.index("*/")]
    assert "terms: research only" in head and "method: sdm" in head
    assert text.isascii() and "int x;" in head  # the comment does not end early
    assert re.search(r"#define CASCADE_POINTS 68\n", text)
    assert text == export.dumps(model)


def test_a_small_model_of_trees_is_small(synthetic, tmp_path):
    """Stages and trees of the preset 'small', whose arrays do not depend on the faces."""
    from cascade import ERT

    model = ERT(**ERT.PRESETS["small"], random_state=0).set_params(starts=_FEW)
    model.fit(synthetic.subset(slice(40)))
    (tmp_path / "model.c").write_text(export.dumps(model))
    target = compiled("gcc", tmp_path / "model.c", tmp_path / "model.so", "-Os", "-shared", "-fPIC")
    assert target.stat().st_size < 1_000_000


def test_what_cannot_be_written_is_said(synthetic, small_ert, dlib_like):
    with pytest.raises(InputError, match=r"cannot be C source.*dlib-trees"):
        export.dumps(dlib_like)
    with pytest.raises(InputError, match="n_starts"):
        export.dumps(small_ert, n_starts=17)


def test_shape_models_are_refused(synthetic):
    from cascade import ASM

    model = ASM(scales=(12.0,), n_cells=3, n_elsewhere=4, random_state=0)
    model.fit(synthetic.subset(slice(20)))
    with pytest.raises(InputError, match="cannot be C source: a shape model solves"):
        export.dumps(model)


@pytest.fixture(scope="module")
def dlib_like(synthetic):
    """A model by dlib's rules."""
    from cascade.methods.dlib import ShapePredictor

    few = {"n_stages": 2, "n_trees": 4, "depth": 2, "random_state": 0}
    return ShapePredictor(**few).fit(synthetic.subset(slice(20)))


def test_command(small_models, synthetic, tmp_path):
    small_models["lbf"].save(tmp_path / "m.safetensors")
    invoke = CliRunner().invoke
    source, target = str(tmp_path / "m.safetensors"), tmp_path / "face.c"
    result = invoke(app, ["convert", source, str(target)])
    assert result.exit_code == 0, result.output
    library = shared("gcc", target.read_text(), tmp_path, 68)
    image, box = synthetic.image(2), synthetic.boxes[2]
    assert np.array_equal(small_models["lbf"].predict(image, box), library.predict(image, box))
    result = invoke(app, ["convert", source, str(tmp_path / "face.h")])
    assert result.exit_code == 0, result.output
    assert "static inline" in (tmp_path / "face.h").read_text()
    result = invoke(app, ["convert", "--header-only", source, str(tmp_path / "x.c")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "x.c").read_text() == (tmp_path / "face.h").read_text()
    result = invoke(app, ["convert", "--header-only", source, str(tmp_path / "x.onnx")])
    assert result.exit_code == 2 and ".c or .h" in result.output


def test_templates_are_in_the_package():
    folder = Path(c_format.__file__).parent / "templates"
    names = {path.stem for path in folder.glob("*.c")}
    used = {name for kind in c_format.stages.KINDS.values() for name in kind.TEMPLATES}
    assert used < names
    lines = [line for path in folder.glob("*.c") for line in path.read_text().splitlines()]
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("name", ["sdm68", "ert68", "lbf68-fast"])
def test_real_faces(real_data, name, tmp_path):
    from data_tools.readers import read_folder

    model = pretrained(name)
    library = shared("gcc", export.dumps(model), tmp_path, 68, "-O1")
    faces = read_folder(real_data / "300w" / "lfpw" / "testset")
    for i in range(0, len(faces), 4):
        image, box = faces.image(i), faces.boxes[i]
        ours, theirs = model.predict(image, box), library.predict(image, box)
        assert greatest(ours, theirs) < (0.01 if name == "sdm68" else 1e-6)
        image, box = cv2.resize(image, None, fx=2.3, fy=2.3), box * 2.3
        crop_pixel = max(1, (box[2] - box[0]) / 140)
        away = greatest(model.predict(image, box), library.predict(image, box))
        assert away < 0.01 * crop_pixel
