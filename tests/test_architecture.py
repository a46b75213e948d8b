"""The structure that ARCHITECTURE.md promises, read from the code's own imports.

``python tests/test_architecture.py --write`` draws the picture in ARCHITECTURE.md anew.
"""

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("features", "data_tools", "cascade")
# A room may import the rooms before it, and itself.
ORDER = (
    "features", "data_tools", "cascade.aligner", "cascade.stages", "cascade.pose",
    "cascade.distributed", "cascade.loop",
    "cascade.shapemodels", "cascade.methods", "cascade.formats", "cascade.models",
    "cascade.detection", "cascade.video", "cascade.labelling",
    "cascade.judging", "cascade.cli",
)  # fmt: skip
# What only gathers names for users stands outside of the order.
DOORS = {"cascade", "cascade.__main__", "cascade.regressors", "cascade._version"}
BEGIN, END = "<!-- picture: made by tests/test_architecture.py -->\n", "<!-- end of picture -->\n"


@cache
def modules():
    """Files of the packages by the names of their modules."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name):
    """Modules of ours that a module imports, anywhere in it."""
    path, found = modules()[name], set()
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= {each if each in modules() else base for each in names}
    return {each for each in found if each in modules()} - {name}


def room(name):
    """The room that a module belongs to."""
    return ".".join(name.split(".")[:2]) if name.startswith("cascade.") else name.split(".")[0]


def arrows():
    """Pairs of rooms of which the first imports the second."""
    pairs = set()
    for name in modules():
        if name in DOORS:
            continue
        pairs |= {(room(name), room(other)) for other in imports(name) if other not in DOORS}
    return {(a, b) for a, b in pairs if a != b}


def picture():
    """The arrows between rooms as a Mermaid flowchart, without those that follow from others."""
    below = {a: {b for c, b in arrows() if c == a} for a in ORDER}

    def reach(a):
        return below[a] | {c for b in below[a] for c in reach(b)}

    lines = ["```mermaid", "flowchart TD"]
    for a in reversed(ORDER):
        implied = {c for b in below[a] for c in reach(b)}
        lines += [f"    {a} --> {b}" for b in reversed(ORDER) if b in below[a] - implied]
    return "\n".join([*lines, "```"]) + "\n"


def test_every_module_has_a_room():
    assert {room(name) for name in modules() if name not in DOORS} == set(ORDER)


def test_arrows_point_down():
    wrong = [(a, b) for a, b in arrows() if ORDER.index(a) <= ORDER.index(b)]
    assert not wrong


def test_no_circle_of_modules():
    try:
        list(TopologicalSorter({name: imports(name) for name in modules()}).static_order())
    except CycleError as error:
        pytest.fail(f"modules import one another: {' -> '.join(error.args[1])}")


def test_the_picture_is_the_one_of_the_code():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    drawn = text.partition(BEGIN)[2].partition(END)[0]
    assert drawn == picture(), "run python tests/test_architecture.py --write"


PREDICT = """
import sys, numpy as np, cascade
model = cascade.load(sys.argv[1])
model.predict(np.zeros((200, 200), np.uint8), [50, 50, 150, 150])
print(*sys.modules)
"""


@pytest.mark.parametrize("name", ["sdm68", "ert68", "lbf68-fast", "jda"])
def test_prediction_imports_nothing_of_training(name):
    file = ROOT / "cascade" / "models" / f"{name}.safetensors"
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, file], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    # numba itself imports scipy.linalg.
    forbidden = {"sklearn", "matplotlib", "typer", "rich", "skimage", "joblib", "scipy.sparse",
                 "scipy.stats", "PIL.Image", "threadpoolctl"}  # fmt: skip
    assert not loaded & forbidden
    assert {"numpy", "numba", "cv2", "safetensors"} <= loaded
    growers = {m for m in loaded if m.startswith("cascade.") and m.endswith((".regressor", ".cli"))}
    assert not growers


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    file = ROOT / "ARCHITECTURE.md"
    head, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    file.write_text(head + BEGIN + picture() + END + rest.partition(END)[2], encoding="utf-8")
