"""Compilers of C, and what they make of a written model, called from Python."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
COMPILERS = ("gcc", "clang")


def compiler(name):
    """Skip the test where a compiler is not installed."""
    if shutil.which(name) is None:
        pytest.skip(f"no {name}; apt-get install {name}")
    return name


def compiled(cc, source, target, *options):
    """Compile `source` to `target`; warnings are errors."""
    command = [compiler(cc), *STRICT, *options, "-o", str(target), str(source), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]
    return target


class Compiled:
    """A written model in a shared library, with `predict` as of a cascade and one box."""

    def __init__(self, library, n_landmarks):
        self._library, self._n = ctypes.CDLL(str(library)), n_landmarks

    def call(self, image, box, stride=None, width=None):
        """The return code, landmarks (L, 2), spread (L,) and visibility (L,)."""
        image, box = np.ascontiguousarray(image), np.asarray(box, np.float32)
        points = np.full((self._n, 2), np.nan, np.float32)
        more = np.full((2, self._n), np.nan, np.float32)
        height, stride = len(image), image.shape[1] if stride is None else stride
        code = self._library.cascade_align(
            image.ctypes.data_as(ctypes.c_void_p), image.shape[1] if width is None else width,
            height, stride, box.ctypes.data_as(ctypes.c_void_p),
            points.ctypes.data_as(ctypes.c_void_p), more[0].ctypes.data_as(ctypes.c_void_p),
            more[1].ctypes.data_as(ctypes.c_void_p),
        )  # fmt: skip
        return code, points, *more

    def predict(self, image, box):
        """Landmarks (L, 2)."""
        image, box = np.ascontiguousarray(image), np.asarray(box, np.float32)
        points = np.full((self._n, 2), np.nan, np.float32)
        height, width = image.shape
        code = self._library.cascade_predict(
            image.ctypes.data_as(ctypes.c_void_p), width, height, width,
            box.ctypes.data_as(ctypes.c_void_p), points.ctypes.data_as(ctypes.c_void_p),
        )  # fmt: skip
        assert code == 0
        return points


def shared(cc, text, folder, n_landmarks, *options):
    """The `Compiled` of C source in a string."""
    source = folder / "model.c"
    source.write_text(text)
    options = options or ("-O2",)
    library = compiled(cc, source, folder / f"model_{cc}.so", *options, "-shared", "-fPIC")
    return Compiled(library, n_landmarks)


def to_wasm(text, folder, name="model"):
    """WebAssembly of C source, compiled with the command at its own head: ``model.wasm`` or that
    of another `name`."""
    if shutil.which("wasm-ld") is None:
        pytest.skip("no wasm-ld; apt-get install clang lld")
    compiler("clang")
    (folder / f"{name}.c").write_text(text)
    head = text[: text.index("*/")]
    command = head[head.index("clang --target=wasm32") :].split()
    assert command[-3:] == ["-o", f"{name}.wasm", f"{name}.c"]
    done = subprocess.run([*command, *STRICT], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]
    return folder / f"{name}.wasm"
