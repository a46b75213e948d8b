"""The joint cascade as C source: a face detector in C99 without dependencies.

The code is in the templates of `cascade.formats.c`, which share how pixels are read, how shapes
move and how descriptors are made with the C source of alignment models.
"""

import math
from pathlib import Path

import numpy as np

from data_tools.files import replace_file
from features._hog_kernels import DIRECTIONS
from features.errors import InputError

from ..formats.c.export import head, hog_sizes, macros, template
from ..formats.c.literals import array, number, structs
from ..formats.c.stages import by_axis
from .jda import search, windows
from .jda._stage_kernels import HALF_CROP
from .jda._window_kernels import PAD
from .jda.boosting import SCORE_UNIT
from .jda.detector import JdaDetector
from .jda.running import ANGLES, USUAL_SIDE

# Of a usual search: from a size of windows to the next, and between windows, in their sides.
FACTOR, STEP = 1.15, 0.1
# Windows that pass the first part, those that pass the stages, and faces that are verified: what
# the working memory has room for. Of 26 photographs, the most had 3309, 282 and 96.
_WINDOWS, _PASSED, _FOUND = 1 << 14, 1024, 256
_MOST_LEVELS = 20
# Images with longer sides have pixels whose coordinates are no float32.
_LONGEST = 1 << 24
_NODES_PER_LINE = 8


def write(model, path, *, header_only=None):
    """Write a C file that finds faces as `model` does.

    Its functions `cascade_find` and `cascade_detect` allocate nothing: the caller gives the memory
    that they work in, of the size that `cascade_scratch` tells. Its head says how to call them.

    Parameters
    ----------
    model : JDA
    path : str or Path
    header_only : bool, optional
        Whether all functions are static, for a header to include; without it, for names that end
        in ``.h``.

    Raises
    ------
    InputError
        If the model's stages or its verifier do not fit the code, or the file cannot be written.

    Notes
    -----
    Which windows pass is decided by integers and is the same to the bit; boxes and landmarks are
    means of them, which differ from those of `JDA.detect` by less than 0.01 pixels. Where more
    windows pass than there is room for, the code leaves out the last, `JDA.detect` the least sure.
    """
    header_only = Path(path).suffix.lower() == ".h" if header_only is None else header_only
    replace_file(path, dumps(model, header_only=header_only).encode("ascii"))


def dumps(model, *, header_only=False):
    """The text of `write`; equal models give equal text."""
    model._check_fitted()
    _refuse(model)
    told = {**{str(k): str(v) for k, v in model.notes_.items()},
            "method": model.method, "scheme": model.scheme_.name}  # fmt: skip
    title = f"Face detection with {model.scheme_.n_points} landmarks; C99, no dependencies."
    verify = model.verifier_ is not None
    parts = [
        head(title, told, template("detector_usage"), header_only, guard="CASCADE_DETECTOR_H"),
        _constants(model),
        macros({"API": "static inline" if header_only else ""}),
        template("detector_interface"),
        template("rounding"),
        _shapes(model),
        *map(template, ("view", "similarity", "anchored", "leaves")),
        *map(template, ("between", "hog", "describe") if verify else ()),
        *map(template, ("levels", "nodes")),
        _front(model.front_),
        *map(template, ("scan", "square", "gather", "joint")),
        *((_verifier(model.verifier_), template("verify")) if verify else ()),
        _joints(model.stages_),
        _turns(),
        template("detect"),
        template("rounding_end"),
        "\n#endif\n" if header_only else "",
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts if part)


def _refuse(model):
    if not model.stages_:
        raise InputError("a detector without stages knows no landmarks; the C code needs one stage")
    verifier = model.verifier_
    if verifier is not None and len(verifier.landmarks) != model.scheme_.n_points:
        raise InputError(
            f"the verifier looks at {len(verifier.landmarks)} of {model.scheme_.n_points} "
            "landmarks, and the C code at all; train with a scheme of at most 68 points"
        )
    leaves = [model.front_.leaves, *(stage.leaves for stage in model.stages_)]
    most = sum(int(np.abs(part.astype(np.int64)).max(1).sum()) for part in leaves)
    if most > np.iinfo(np.int32).max:
        raise InputError("the scores of this detector do not fit 32 bits, as those of the C code")


def _constants(model):
    stage = model.stages_[0]
    sizes = {
        "POINTS": model.scheme_.n_points,
        "OUTPUTS": 2 * model.scheme_.n_points,
        "LONGEST": _LONGEST,
        "PAD": PAD,
        "GRID": windows.GRID,
        "LEAST_SIDE": windows.LEAST_SIDE,
        "MOST_LEVELS": _MOST_LEVELS,
        "CONTEXT": float(model.context),
        "MARGIN": 0.5 - search.BEYOND,
        "FRONT_TREES": len(model.front_.nodes),
        "FRONT_DEPTH": model.front_.leaves.shape[1].bit_length() - 1,
        "STAGES": len(model.stages_),
        "TREES": len(stage.nodes),
        "DEPTH": stage.leaves.shape[1].bit_length() - 1,
        "PIXELS": len(stage.anchors),
        "WIDTH": _width(stage),
        "ALIKE": search.ALIKE,
        "MOST_ALIKE": search.MOST_ALIKE,
        "SAME": search.SAME,
        "APART": search.APART,
        "SCORE_UNIT": float(SCORE_UNIT),
        "USUAL_SIDE": USUAL_SIDE,
        "WINDOWS": _WINDOWS,
        "PASSED": _PASSED,
        "FOUND": _FOUND,
        "PART": JdaDetector.PART,
        "SMALLEST": JdaDetector.SMALLEST,
        "LEAST": JdaDetector.LEAST,
        "ANGLES": len(ANGLES),
        "MORE_FACTOR": FACTOR**search.FARTHER,
        "MORE_STEP": search.WIDER * STEP,
        "DIFFERING": math.cos(math.radians(search.DIFFERING)),
        "VERIFY": int(model.verifier_ is not None),
    }
    if model.verifier_ is not None:
        n_cells = len(model.verifier_.cells)
        sizes |= {
            "FRAME": 2 * HALF_CROP,
            "CELLS": n_cells,
            "NUMBERS": model.scheme_.n_points * n_cells * DIRECTIONS,
            **hog_sizes(2 * HALF_CROP),
        }
    return macros({k: number(v) for k, v in sizes.items()})


def _width(stage):
    """Components of a leaf, in whole vectors of a processor."""
    n = stage.linear.weights.shape[-1]
    return n + -n % 8


def _shapes(model):
    mean = model.mean_shape_
    reference = (mean - mean.mean(0)).astype(np.float32)
    squares = reference[:, 0] * reference[:, 0] + reference[:, 1] * reference[:, 1]
    energy = np.cumsum(squares, dtype=np.float32)[-1]
    line = windows.grid_points()[: windows.GRID, 0]
    return "".join([
        "/* The mean shape in its box, the same around its centre, the sum of its squares; and the"
        "\n   grid of a window. */\n",
        array("cascade_mean_shape", by_axis(mean)),
        array("cascade_reference", by_axis(reference)),
        f"static const float cascade_energy = {number(energy)};\n",
        array("cascade_line", line),
    ])  # fmt: skip


def _nodes(name, nodes):
    """The definition of an array of nodes (…, 4)."""
    texts = ["{" + ",".join(map(str, node)) + "}" for node in nodes.reshape(-1, 4).tolist()]
    lines = [
        ",".join(texts[i : i + _NODES_PER_LINE]) for i in range(0, len(texts), _NODES_PER_LINE)
    ]
    body = ",\n".join(lines)
    return f"static const struct cascade_node {name}[{len(texts)}] = {{\n{body}}};\n"


def _front(front):
    return "".join([
        _nodes("cascade_front_nodes", front.nodes),
        array("cascade_front_leaves", front.leaves),
        array("cascade_front_limits", front.limits),
    ])  # fmt: skip


def _joints(stages):
    arrays, rows = [], []
    for s, stage in enumerate(stages):

        def name(word, s=s):
            return f"cascade_{s}_{word}"

        weights = stage.linear.weights.reshape(-1, stage.linear.weights.shape[-1])
        missing = _width(stage) - weights.shape[1]
        n = stage.linear.bias.size
        outputs = [by_axis(part.reshape(*part.shape[:-1], -1, 2)).reshape(*part.shape[:-1], n)
                   for part in (stage.linear.basis, stage.linear.bias)]  # fmt: skip
        parts = {
            "anchors": stage.anchors,
            "right": stage.offsets[:, 0],
            "down": stage.offsets[:, 1],
            "nodes": stage.nodes,
            "leaves": stage.leaves,
            "limits": stage.limits,
            "weights": np.pad(weights, ((0, 0), (0, missing))),
            "basis": np.pad(outputs[0], ((0, missing), (0, 0))),
            "bias": outputs[1],
        }
        arrays += [
            (_nodes if word == "nodes" else array)(name(word), part) for word, part in parts.items()
        ]
        anchors, right, down, *others = map(name, parts)
        rows.append([f"{{{len(stage.anchors)}, {anchors}, {right}, {down}}}", *others])
    return "".join([*arrays, structs("cascade_joint", "cascade_joints", rows)])


def _verifier(verifier):
    return "".join([
        f"static const float cascade_spacing = {number(verifier.spacing[0])};\n",
        f"static const float cascade_offset = {number(verifier.bias[0])};\n",
        array("cascade_cells", verifier.cells),
        array("cascade_weights", verifier.weights),
    ])  # fmt: skip


def _turns():
    angles = map(math.radians, ANGLES)
    turned = ", ".join(f"{number(math.cos(a))}, {number(math.sin(a))}" for a in angles)
    return (
        "/* The cosine and sine of the angles of faces. */\n"
        f"static const double cascade_angles[] = {{{turned}}};\n"
    )
