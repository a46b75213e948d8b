"""All methods on the same faces: error, failures, time a face, file size and training CPU.

    python examples/benchmarks/methods.py DATA --out methods.json
    python examples/benchmarks/methods.py DATA --imm --out imm.json

DATA holds ``300w/`` (trained on HELEN, LFPW and AFW, tested on the LFPW test set) and ``imm/`` (58
points through a user scheme, trained on people 1 to 30, tested on 31 to 40, errors by the box
diagonal). Rows are written as they come; a row that is there is not measured again.
"""

import json
import tempfile
import time
from pathlib import Path

from common import IMM, TEST, TRAINING, add_data, arguments, data_folder, machine, run

from cascade import METHODS
from cascade.judging.evaluation import evaluate
from data_tools.readers import read_folder, read_folders
from data_tools.schemes import SCHEMES, get_scheme

ROWS = (
    ("ert", "default"), ("ert", "accurate"), ("lbf", "fast"), ("lbf", "default"),
    ("lbf", "accurate"), ("cpr", "default"), ("esr", "default"), ("rcpr", "default"),
    ("sdm", "default"), ("sdm", "accurate"), ("sdm", "robust"), ("asm", "default"),
    ("asm", "accurate"), ("aam", "default"), ("aam", "accurate"),
)  # fmt: skip


def read_300w(data):
    return tuple(read_folders([data / folder for folder in sets]) for sets in (TRAINING, TEST))


def read_imm(data):
    """People 1 to 30 and 31 to 40, through a scheme that comes from a file as a user's would."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "imm.json"
        file.write_text(json.dumps(SCHEMES["imm58"].to_dict()))
        scheme = get_scheme(str(file))
    faces = read_folder(data / IMM, boxes="tight", scheme=scheme)
    person = [int(Path(file).name.split("-")[0]) for file in faces.files]
    train = [i for i, p in enumerate(person) if p <= 30]
    test = [i for i, p in enumerate(person) if p > 30]
    return faces.subset(train), faces.subset(test)


def measure(method, preset, train, test):
    """One row: figures of `evaluate`, with training CPU and file size."""
    model = METHODS[method](**METHODS[method].PRESETS.get(preset, {}), random_state=0, n_jobs=1)
    cpu, wall = time.process_time(), time.perf_counter()
    model.fit(train)
    row = {"train_cpu_s": time.process_time() - cpu, "train_wall_s": time.perf_counter() - wall}
    figures, _ = evaluate(model, test)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        model.save(file)
        row["megabytes"] = file.stat().st_size / 1e6
    return row | figures | {"machine": machine()}


def main():
    parser = arguments(__doc__)
    add_data(parser)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--imm", action="store_true")
    parser.add_argument("--only", help="method/preset")
    options = parser.parse_args()
    rows = json.loads(options.out.read_text()) if options.out.exists() else {}
    train, test = (read_imm if options.imm else read_300w)(data_folder(options))
    for method, preset in ROWS:
        name = f"{method}/{preset}"
        if method not in METHODS or name in rows or options.only not in (None, name):
            continue
        rows[name] = measure(method, preset, train, test)
        options.out.write_text(json.dumps(rows, indent=1))
        row = rows[name]
        error = row["nme_diagonal"] if options.imm else row["nme_interocular"]
        print(
            f"| {name} | {error * 100:.2f} | {row['fr08'] * 100:.1f} | {row['ms_per_face']:.2f} | "
            f"{row['megabytes']:.1f} | {row['train_cpu_s']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    run(main)
