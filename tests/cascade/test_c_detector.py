"""The joint cascade as C source, compiled with gcc and clang, beside our own detector."""

import copy
import ctypes
import math
import subprocess

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cascade.cli import app
from cascade.detection import c_source
from cascade.detection.jda import search as search_of
from cascade.detection.jda.detector import JdaDetector
from cascade.formats import onnx as onnx_format
from cascade.formats.c import export
from cascade.models import pretrained
from data_tools.synthetic import synthetic_faces
from features.errors import InputError

from .c_code import COMPILERS, STRICT, compiled, compiler

_MOST = 40


class _Search(ctypes.Structure):
    _fields_ = [
        *(
            (name, ctypes.c_double)
            for name in ("min_size", "max_size", "factor", "step", "more_factor", "more_step")
        ),
        ("min_score", ctypes.c_double),
        ("n_angles", ctypes.c_int),
        ("turns", ctypes.POINTER(ctypes.c_double)),
    ]


class CompiledDetector:
    """A written detector in a shared library: boxes, scores and landmarks, as rows."""

    def __init__(self, library):
        self._library = ctypes.CDLL(str(library))
        self._library.cascade_scratch.restype = ctypes.c_size_t
        self._n = self._library.cascade_face_floats()

    def scratch(self, width, height):
        return self._library.cascade_scratch(width, height)

    def find(self, image, width=None):
        return self._call("cascade_find", image, width)

    def detect(self, image, min_size=40.0, max_size=0.0, factor=1.15, step=0.1, angles=(0.0,),
               min_score=1.0):  # fmt: skip
        turns = [f(math.radians(a)) for a in angles for f in (math.cos, math.sin)]
        turns = (ctypes.c_double * len(turns))(*turns)
        more = factor**search_of.FARTHER, step * search_of.WIDER
        search = _Search(min_size, max_size, factor, step, *more, min_score, len(angles), turns)
        return self._call("cascade_detect", image, None, ctypes.byref(search))

    def _call(self, name, image, width, *more, size=None):
        height, stride = image.shape
        width = stride if width is None else width
        room = np.empty(self.scratch(width, height), np.uint8)
        faces = np.full((_MOST, self._n), np.nan, np.float32)
        code = getattr(self._library, name)(
            image.ctypes.data_as(ctypes.c_void_p), width, height, stride, *more,
            room.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_size_t(room.size if size is None else size),
            faces.ctypes.data_as(ctypes.c_void_p), _MOST,
        )  # fmt: skip
        return faces[:code] if code >= 0 else code


def shared(cc, text, folder, *options):
    (folder / "detector.c").write_text(text)
    options = options or ("-O2",)
    library = compiled(cc, folder / "detector.c", folder / f"{cc}.so", *options, "-shared", "-fPIC")
    return CompiledDetector(library)


@pytest.fixture(scope="module")
def model():
    return pretrained("jda")


@pytest.fixture(scope="module")
def text(model):
    return c_source.dumps(model)


@pytest.fixture(scope="module", params=COMPILERS)
def library(request, text, tmp_path_factory):
    return shared(request.param, text, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def group():
    """Six drawn faces of several sizes, two of them turned."""
    faces, picture = synthetic_faces(6, seed=9, size=240), np.full((420, 640), 90, np.uint8)
    places = [(5, 10, 150), (160, 20, 120), (300, 0, 240), (20, 200, 200), (250, 250, 90),
              (400, 240, 170)]  # fmt: skip
    for i, (x, y, size) in enumerate(places):
        face = cv2.resize(faces.image(i), (size, size), interpolation=cv2.INTER_AREA)
        if i % 3 == 2:
            matrix = cv2.getRotationMatrix2D((size / 2, size / 2), 12, 1)
            face = cv2.warpAffine(face, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
        picture[y : y + size, x : x + size] = face[: 420 - y, : 640 - x]
    return picture


def search(image):
    """What the detector of the package finds, with landmarks."""
    detector = JdaDetector()
    found = detector.model.detect(
        image, min_size=max(detector.SMALLEST, max(image.shape) * detector.PART),
        min_score=detector.LEAST, rotation=detector.angles,
    )  # fmt: skip
    assert np.array_equal(found.boxes, detector.find(image)[0])
    return found


def rows_of(found):
    return np.column_stack([found.boxes, found.scores, found.shapes.reshape(-1, 2 * 68)])


def assert_equal(ours, theirs):
    ours = rows_of(ours)
    assert ours.shape == theirs.shape
    if len(ours):
        assert np.abs(ours[:, 4] - theirs[:, 4]).max() < 1e-3
        assert np.abs(np.delete(ours - theirs, 4, 1)).max() < 0.01


def test_drawn_faces_of_any_size(library, group):
    n = 0
    for scale in (0.4, 0.7, 1.0, 1.9, 4.1):
        image = cv2.resize(group, None, fx=scale, fy=scale)
        found = search(image)
        assert_equal(found, library.find(image))
        n += len(found)
    assert n > 20


def test_turned_faces(library, group):
    n = 0
    for angle in (-38, -20, 25, 40):
        matrix = cv2.getRotationMatrix2D((120, 120), angle, 0.8)
        face = np.ascontiguousarray(group[:240, 300:540])
        image = cv2.warpAffine(face, matrix, (240, 240), borderMode=cv2.BORDER_REPLICATE)
        found = search(image)
        assert_equal(found, library.find(image))
        n += len(found)
    assert n >= 3


@pytest.mark.parametrize(
    "options",
    [
        {"min_size": 60.0, "max_size": 110.0},
        {"min_size": 170.0, "min_score": -5.0},
        {"factor": 1.3, "step": 0.2, "min_score": -2.0},
        {"angles": (0.0, 30.0, -30.0), "min_size": 80.0},
        {"max_size": 1e6, "min_size": 100.0},
        {"min_size": 900.0},
    ],
)
def test_options_are_those_of_detect(library, model, group, options):
    ours = {{"angles": "rotation"}.get(k, k): v for k, v in options.items()}
    assert_equal(model.detect(group, **ours), library.detect(group, **options))


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 2), (31, 33), (97, 64)])
def test_small_pictures(library, shape):
    image = np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)
    assert_equal(search(image), library.find(image))


def test_rows_may_be_longer_than_the_picture(library, group):
    wide = np.full((group.shape[0], group.shape[1] + 21), 255, np.uint8)
    wide[:, : group.shape[1]] = group
    assert np.array_equal(library.find(wide, group.shape[1]), library.find(group))


def test_without_a_verifier(model, group, tmp_path):
    plain = copy.copy(model)
    plain.verifier_ = None
    plain.make_ready()
    text = c_source.dumps(plain)
    assert "#define CASCADE_VERIFY 0" in text
    found = plain.detect(group, min_score=3.0)
    assert len(found) >= 6
    assert_equal(found, shared("gcc", text, tmp_path).detect(group, min_score=3.0))


def test_what_cannot_be_has_codes(library, group):
    assert library.scratch(0, 5) == library.scratch(5, -1) == library.scratch(1 << 25, 5) == 0
    assert library.find(group, group.shape[1] + 1) == -1
    for wrong in ({"min_size": 7.0}, {"factor": 1.0}, {"step": 0.0}, {"angles": ()},
                  {"min_size": math.nan}, {"angles": (0.0,) * 37}):  # fmt: skip
        assert library.detect(group, **wrong) == -2
    size = library.scratch(*group.shape[::-1]) - 1
    assert library._call("cascade_find", group, None, size=size) == -3


_MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include "detector.h"
int main(int argc, char **argv)
{
    FILE *file = fopen(argv[1], "rb");
    struct cascade_face faces[40];
    int size[2], n;
    size_t bytes;
    uint8_t *grey, *scratch;
    (void)argc;
    if (fread(size, sizeof(int), 2, file) != 2)
        return 1;
    grey = malloc((size_t)size[0] * (size_t)size[1]); /* exactly: a pixel outside is an error */
    if (fread(grey, (size_t)size[0], (size_t)size[1], file) != (size_t)size[1])
        return 1;
    bytes = cascade_scratch(size[0], size[1]);
    scratch = malloc(bytes + 3);
    n = cascade_find(grey, size[0], size[1], size[0], scratch + 3, bytes, faces, 40);
    for (int i = 0; i < n; i++) {
        const float *face = (const float *)&faces[i];
        for (int c = 0; c < cascade_face_floats(); c++)
            printf("%a ", face[c]);
        printf("\\n");
    }
    free(scratch);
    free(grey);
    fclose(file);
    return n < 0;
}
"""


@pytest.mark.parametrize("cc", COMPILERS)
def test_sanitizers_find_nothing(model, group, tmp_path, cc):
    (tmp_path / "detector.h").write_text(c_source.dumps(model, header_only=True))
    # Functions that nobody calls are no mistake in a header.
    (tmp_path / "main.c").write_text(_MAIN)
    checks = ("-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all")
    program = compiled(cc, tmp_path / "main.c", tmp_path / "main", "-O1", "-g", *checks)
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 256, (150, 171)).astype(np.uint8)
    for image in (group, group[:241, 301:540], noise, noise[:1, :1], noise[:40, :2]):
        image = np.ascontiguousarray(image)
        data = np.int32(image.shape[::-1]).tobytes() + image.tobytes()
        (tmp_path / "picture").write_bytes(data)
        done = subprocess.run(
            [program, tmp_path / "picture"], capture_output=True, text=True, errors="replace"
        )
        assert done.returncode == 0, done.stderr[:3000]
        rows = [[float.fromhex(n) for n in line.split()] for line in done.stdout.splitlines()]
        assert_equal(search(image), np.array(rows).reshape(-1, 5 + 2 * 68))


def test_it_stands_beside_a_model_and_needs_no_more_than_mathematics(text, small_ert, tmp_path):
    """No allocation, no variable that is kept; and no name that the other file has as well."""
    (tmp_path / "detector.c").write_text(text)
    (tmp_path / "model.c").write_text(export.dumps(small_ert))
    (tmp_path / "main.c").write_text(
        "float cascade_box_of(const float *, float *);\nint cascade_face_floats(void);\n"
        "int main(void) { return cascade_face_floats() != 141 || !cascade_box_of; }\n"
    )
    names = ("detector.c", "model.c", "main.c")
    command = [compiler("gcc"), "-O1", *names, "-lm", "-o", "both"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    assert subprocess.run([tmp_path / "both"]).returncode == 0
    compiled("gcc", tmp_path / "detector.c", tmp_path / "detector.o", "-O2", "-fno-pie", "-c")
    listing = subprocess.run(
        ["nm", tmp_path / "detector.o"], capture_output=True, text=True, check=True
    ).stdout
    kinds = [(line.split()[-2], line.split()[-1]) for line in listing.splitlines()]
    needed = {symbol for kind, symbol in kinds if kind == "U"}
    assert needed <= {"sqrt", "sqrtf", "floor", "floorf", "memcpy", "memset"}
    assert not [symbol for kind, symbol in kinds if kind in "bBDC"]
    public = {symbol for kind, symbol in kinds if kind == "T"}
    assert public == {f"cascade_{n}" for n in ("find", "detect", "scratch", "face_floats")}


@pytest.mark.parametrize("cc", COMPILERS)
def test_other_standards_compile(text, tmp_path, cc):
    (tmp_path / "detector.c").write_text(text)
    for language in ("-std=c11", "-std=gnu17"):
        command = [compiler(cc), *STRICT, language, "-fsyntax-only", "detector.c"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[:2000]


def test_the_command(model, text, tmp_path):
    invoke = CliRunner().invoke
    result = invoke(app, ["convert", "jda", str(tmp_path / "d.c")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "d.c").read_text() == text and text.isascii()
    result = invoke(app, ["convert", "jda", str(tmp_path / "d.h")])
    assert result.exit_code == 0, result.output
    assert "#ifndef CASCADE_DETECTOR_H" in (tmp_path / "d.h").read_text()


def test_what_cannot_be_written_is_said(model):
    pytest.importorskip("onnx", reason="onnx is not installed")
    with pytest.raises(InputError, match="while it is searched"):
        onnx_format.dumps(model)
    bare = copy.copy(model)
    bare.stages_ = []
    with pytest.raises(InputError, match="needs one stage"):
        c_source.dumps(bare)
    other = copy.copy(model)
    other.verifier_ = copy.copy(model.verifier_)
    other.verifier_.landmarks = model.verifier_.landmarks[:60]
    with pytest.raises(InputError, match="60 of 68 landmarks"):
        c_source.dumps(other)


def test_real_photographs(library, real_data):
    n = 0
    paths = [
        *sorted((real_data / "groups").glob("*.jpg")),
        *sorted((real_data / "backgrounds").glob("*"))[::30],
        *sorted((real_data / "300w" / "lfpw" / "testset").glob("*.jpg"))[::8],
    ]
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if image is not None:
            found = search(image)
            assert_equal(found, library.find(image))
            n += len(found)
    assert n > 60
