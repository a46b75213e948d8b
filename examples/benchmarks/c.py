"""CPU time of landmarks a face: models as C source, compiled, beside the toolkit itself and ONNX.

Every model is written as C, compiled with each compiler that is there and several options, and run
on the same faces as `predict`; the runs alternate, and the medians of the rounds are compared. Also
told: how far the landmarks lie apart, and the sizes of the source and of code and data.

    python examples/benchmarks/c.py DATA --models sdm68 ert68 lbf68-fast
    python examples/benchmarks/c.py synthetic --faces 30 --rounds 3 --models lbf68-fast

DATA is the folder that holds ``300w/`` and ``imm/``, or the word `synthetic`.
"""

import ctypes
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from common import add_data, alternate, arguments, machine, read_faces, run

from cascade import load
from cascade.formats.c import export
from features.errors import InputError

_OPTIONS = {
    "-O2": ["-O2"],
    "-O3 -march=native": ["-O3", "-march=native"],
}


def compiled(compiler, options, source, target):
    """`predict` of the compiled source, and the bytes of its code and data."""
    command = [compiler, "-std=c99", *options, "-shared", "-fPIC", "-o", target, source, "-lm"]
    subprocess.run(command, check=True)
    library = ctypes.CDLL(str(target))
    n_landmarks = library.cascade_n_points()

    def predict(image, box):
        height, width = image.shape
        box, found = np.asarray(box, np.float32), np.empty((n_landmarks, 2), np.float32)
        image, box_at, found_at = (a.ctypes.data_as(ctypes.c_void_p) for a in (image, box, found))
        code = library.cascade_predict(image, width, height, width, box_at, found_at)
        if code:
            raise InputError(f"cascade_predict returned {code}")
        return found

    return predict, target.stat().st_size


def onnx_predict(model):
    """`predict` of the same model in onnxruntime on one thread; None where it is missing."""
    try:
        import onnxruntime

        from cascade.formats.onnx import dumps
    except ImportError:
        return None
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    net = onnxruntime.InferenceSession(dumps(model), settings, providers=["CPUExecutionProvider"])

    def predict(image, box):
        return net.run(["shapes"], {"images": image[None], "boxes": np.float32([box])})[0][0]

    return predict


def measure(name, faces, compilers, n_rounds, folder):
    """The rows of one model."""
    model, images = load(name), [np.ascontiguousarray(faces.image(i)) for i in range(len(faces))]
    source = folder / "model.c"
    export.write(model, source)
    ways, sizes = {"predict": model.predict}, {}
    net = onnx_predict(model)
    if net is not None:
        ways["onnxruntime"] = net
    for compiler in compilers:
        for words, options in _OPTIONS.items():
            way = f"{compiler} {words}"
            target = folder / f"{len(ways)}.so"
            ways[way], sizes[way] = compiled(compiler, options, source, target)

    def over_all(way):
        return [ways[way](image, box) for image, box in zip(images, faces.boxes, strict=True)]

    def timed(way):
        return lambda: over_all(way)

    ours = over_all("predict")
    apart = {way: float(np.abs(np.subtract(over_all(way), ours)).max()) for way in ways}
    times = alternate({way: timed(way) for way in ways}, len(images), n_rounds)
    print(f"{name}: {source.stat().st_size / 1e6:.1f} MB of source")
    rows = []
    for way, ms in times.items():
        size = f"{sizes[way] / 1e6:6.2f} MB" if way in sizes else " " * 9
        ratio = ms / times["predict"]
        print(f"  {way:44} {ms:7.3f} ms  {ratio:5.2f} x  {size}  {apart[way]:.4f} px apart")
        rows.append({"model": name, "way": way, "ms": ms, "bytes": sizes.get(way),
                     "apart": apart[way]})  # fmt: skip
    return rows


def main():
    parser = arguments(__doc__)
    add_data(parser, ["300w/lfpw/trainset"])
    parser.add_argument("--models", nargs="+", default=["sdm68", "ert68", "lbf68-fast"])
    parser.add_argument("--faces", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    faces = read_faces(options, options.faces)
    compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    if not compilers:
        raise InputError("no C compiler: install gcc or clang")
    print(machine())
    rows = []
    for name in options.models:
        with tempfile.TemporaryDirectory() as folder:
            rows += measure(name, faces, compilers, options.rounds, Path(folder))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    run(main)
