"""C source: the whole way from an image and a box to landmarks, in C99 without dependencies.

Written, not read. The code is in ``templates/``, one subject a file; a model takes those that it
needs, and its numbers stand between them as constant arrays.
"""

from importlib.resources import files
from pathlib import Path

import numpy as np

from data_tools.corrections import by_landmarks
from data_tools.files import replace_file
from features._hog_kernels import DIRECTIONS

from ..._version import __version__
from ...loop.face_space import NEAR_SCALE
from ..exporting import Plan, facts, refuse_other_stages, routes_of
from .literals import array, number, structs
from .stages import KINDS, by_axis, measured

_TEMPLATES = files(__package__) / "templates"
# Images with longer sides have pixels whose coordinates are no float32.
_LONGEST = 1 << 24
_LEVELS = 7
_WIDEST_LINE = 92


def write(model, path, *, header_only=None, n_starts=None, mirror=None):
    """Write a C file that does what `model` does.

    It has one function to call, and needs nothing but a C99 compiler::

        int cascade_predict(const uint8_t *grey, int width, int height, int stride,
                            const float box[4], float *points);

    `cascade_align` also says how far several starts lie apart and which landmarks can be seen. Both
    return 0, or a code of what is wrong; they allocate nothing, keep nothing and may be called
    from several threads.

    Parameters
    ----------
    model : BaseCascade
        Of HOG, trees, ferns or local forests; key shapes, routes, restarts and visibility are kept.
    path : str or Path
    header_only : bool, optional
        Whether all functions are static, for a header to include; without it, for names that end
        in ``.h``.
    n_starts, mirror : optional
        As in `predict`; the file keeps them.

    Raises
    ------
    InputError
        If `model` has other stages, or the file cannot be written.

    Notes
    -----
    What is added as integers is the same to the bit; landmarks differ from those of `predict` by
    what two compilers make of a sum of floats, some thousandths of a pixel at most.
    """
    header_only = Path(path).suffix.lower() == ".h" if header_only is None else header_only
    text = dumps(model, header_only=header_only, n_starts=n_starts, mirror=mirror)
    replace_file(path, text.encode("ascii"))


def dumps(model, *, header_only=False, n_starts=None, mirror=None):
    """The text of `write`; equal models give equal text."""
    refuse_other_stages(model, KINDS, "C source")
    model._check_fitted()
    plan = Plan.of(model, n_starts, mirror)
    routes = [routes_of(stage) for stage in model.stages_]
    plain = [stage for _, stages in routes for stage in stages]
    if model.keys_ is not None:
        plain.append(model.keys_.score)
    sizes = measured(plain, model.scheme_.n_points)
    used = list(dict.fromkeys(KINDS[stage.kind] for stage in plain))
    names = list(dict.fromkeys(name for kind in used for name in kind.TEMPLATES))
    parts = [
        head(
            f"Face alignment with {model.scheme_.n_points} landmarks; C99, no dependencies.",
            {k: v for k, v in facts(model, plan).items() if k != "flip"},
            template("usage"),
            header_only,
        ),
        _constants(model, plan, sizes, used),
        _interface(header_only),
        template("rounding"),
        _data(model, plan),
        *map(
            template,
            (
                "view",
                "between",
                "place",
                "crop",
                *(["mirror"] if plan.mirror else []),
                "similarity",
            ),
        ),
        *map(template, names),
        *([template("routes")] if any(router for router, _ in routes) else []),
        template("answers"),
        _stages(model, routes, sizes, used),
        template("opening"),
        *([template("restarts")] if plan.attempts else []),
        *map(template, ("predict", "square", "boxes")),
        template("rounding_end"),
        "\n#endif\n" if header_only else "",
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts if part)


def template(name):
    """The text of a template."""
    return (_TEMPLATES / f"{name}.c").read_text(encoding="ascii")


def head(title, told, usage, header_only, guard="CASCADE_ALIGN_H"):
    """The comment that a file begins with, and what it includes.

    Parameters
    ----------
    title : str
    told : dict of str
        What the file says about its model.
    usage : str
    header_only : bool
    guard : str
        The macro that keeps a header from being included twice.
    """
    lines = [title, f"Written by cascade-align {__version__} from a trained model."]
    for key, value in told.items():
        lines += _wrapped(f"{key}: {value}")
    lines += ["", *usage.splitlines()]
    if header_only:
        lines += ["", "All functions are static: include this file where they are called."]
    text = "\n".join(f"   {line}".rstrip() for line in lines)
    text = "/*" + text[2:].replace("*/", "* /") + " */\n"
    if header_only:
        text += f"#ifndef {guard}\n#define {guard}\n"
    return text + template("includes")


def _wrapped(text):
    """A line of a comment in lines that are not too long, of ASCII alone."""
    words, lines = text.encode("ascii", "replace").decode().split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > _WIDEST_LINE:
            lines.append(" ")
        lines[-1] += f" {word}" if lines[-1].strip() else word
    return lines


def _constants(model, plan, sizes, used):
    """Everything that is a number, as macros: conditions of the preprocessor read some of them."""
    frame, n_landmarks = model.frame_, model.scheme_.n_points
    needs_crop = any(stage.needs_crop for stage in model.stages_)
    has_hog = any("hog" in kind.TEMPLATES for kind in used)
    values = {
        "POINTS": n_landmarks,
        "FRAME": frame.size,
        "FACE": frame.face,
        "ALWAYS_CROP": int(needs_crop),
        "NEAR_LOW": NEAR_SCALE[0] * frame.face,
        "NEAR_HIGH": NEAR_SCALE[1] * frame.face,
        "LONGEST": _LONGEST,
        "STAGES": len(model.stages_),
        "EARLY": plan.n_early,
        "STARTS": plan.n_starts,
        "RESTARTS": plan.attempts,
        "KEYS": 0 if model.keys_ is None else len(model.keys_.shapes),
        "MIRROR": int(plan.mirror),
        "ANSWERS": plan.n_starts * (1 + plan.mirror),
        "VISIBILITY": int(sizes.outputs > 2 * n_landmarks),
        "OUTPUTS": sizes.outputs,
        "WIDTH": sizes.width,
        "PIXELS": sizes.pixels,
        "TREES": sizes.trees,
        "ZONES": sizes.zones,
        "HOG": int(has_hog),
    } | _box_correction(model)
    if has_hog:
        values |= {
            "CELLS": sizes.cells,
            "COMPONENTS": sizes.components,
            "NUMBERS": sizes.numbers,
            **hog_sizes(frame.size),
        }
    return macros({k: number(v) for k, v in values.items()})


def _box_correction(model):
    """From boxes of the detector 'jda' to the model's; of scale 0 where that is not known."""
    fit = model.detectors_.get("jda")
    correction = (
        by_landmarks("jda", model.scheme_, model.mean_shape_) if fit is None else (fit.correction)
    )
    values = (0.0,) * 3 if correction is None else correction.to_dict().values()
    return dict(zip(("BOX_SCALE", "BOX_RIGHT", "BOX_DOWN"), values, strict=True))


def hog_sizes(frame):
    """Room for the planes of histograms of a picture of `frame` by `frame` pixels."""
    halves = [frame >> level for level in range(1, _LEVELS + 1)]
    return {
        "HISTOGRAMS": DIRECTIONS * sum(half * half for half in halves),
        "HALVED": max(1, sum(half * half for half in halves[:-1])),
    }


def macros(texts):
    """Definitions of macros, of their texts by name."""
    return "".join(f"#define CASCADE_{k} {text}".rstrip() + "\n" for k, text in texts.items())


def _interface(header_only):
    """What users call."""
    return macros({"API": "static inline" if header_only else ""}) + "\n" + template("interface")


def _data(model, plan):
    """The shapes that every stage needs."""
    reference = model.reference.astype(np.float32)
    squares = reference[:, 0] * reference[:, 0] + reference[:, 1] * reference[:, 1]
    energy = np.cumsum(squares, dtype=np.float32)[-1]
    arrays = [
        "/* The mean shape in its box, the same around its centre, the sum of its squares, and the"
        "\n   shapes to start from: of each start, its key shapes. */\n",
        array("cascade_mean_shape", by_axis(model.mean_shape_.astype(np.float32))),
        array("cascade_reference", by_axis(reference)),
        f"static const float cascade_energy = {number(energy)};\n",
        array("cascade_starts", by_axis(plan.openings)),
    ]
    if plan.mirror:
        arrays.append(array("cascade_flip", np.array(model.scheme_.flip, np.int32)))
    if plan.attempts:
        limit = number(np.float32(model.restart_spread))
        arrays.append(f"static const float cascade_restart_spread = {limit};\n")
    return "".join(arrays)


def _stages(model, routes, sizes, used):
    """The numbers of all stages, and the function that runs one of them."""
    rows = {kind: [] for kind in used}
    arrays, steps = [], []
    for t, (router, stages) in enumerate(routes):
        kind, centres = KINDS[stages[0].kind], "0"
        first = len(rows[kind])
        for k, stage in enumerate(stages):
            fields = kind.fields(stage, f"{t}_{k}" if router else f"{t}", sizes)
            arrays += fields.arrays
            rows[kind].append(fields.texts)
        if router:
            centres = f"cascade_{t}_centres"
            arrays.append(array(centres, by_axis(router.centres)))
        steps.append([str(used.index(kind)), str(first), str(len(stages)), centres])
    title = "/* " + "-" * 72 + " the numbers of all stages */\n"
    text = [title, *arrays]
    text += [structs(f"cascade_{k.STRUCT}", f"cascade_all_{k.STRUCT}", r)
             for k, r in rows.items() if r]  # fmt: skip
    if model.keys_ is not None:
        fields = KINDS[model.keys_.score.kind].fields(model.keys_.score, "score", sizes)
        values = ", ".join(fields.texts)
        text += fields.arrays
        text.append(f"static const struct cascade_linear cascade_score = {{{values}}};\n")
    text += [_STEP, structs("cascade_step", "cascade_steps", steps), _ROOM]
    text.append(_runner({kind: r for kind, r in rows.items() if r}, used, routes))
    return "\n".join(text)


_STEP = """\
/* A stage: its kind, its place among those of the kind, and, with routes, how many there are in
   its place and a shape of each. */
struct cascade_step {
    int kind, first, routes;
    const float *centres;
};
"""
_ROOM = """\
/* What a prediction works in; on the stack. */
struct cascade_room {
    struct cascade_crop_room crop;
#if CASCADE_HOG
    struct cascade_hog_room hog;
#endif
};

/* Forget what is known about the view before. */
static void cascade_new_view(struct cascade_room *room)
{
#if CASCADE_HOG
    for (int level = 0; level < CASCADE_LEVELS; level++)
        room->hog.planes[level].made = 0;
#else
    (void)room;
#endif
}
"""


def _runner(rows, used, routes):
    """The function that runs stage t."""
    lines = [
        "static void cascade_run_stage(int t, const struct cascade_view *view,",
        "                              struct cascade_room *room, struct cascade_answer *answer)",
        "{",
        "    const struct cascade_step *step = &cascade_steps[t];",
        "    int at = step->first;",
    ]
    if any(router for router, _ in routes):
        lines += [
            "    if (step->routes > 1)",
            "        at += cascade_route(answer->shape, step->routes, step->centres);",
        ]
    lines.append("    (void)room;")
    for kind in rows:
        lines += [
            f"    if (step->kind == {used.index(kind)}) {{",
            f"        const struct cascade_{kind.STRUCT} *stage = &cascade_all_{kind.STRUCT}[at];",
            f"        {kind.RUN};",
            "    }",
        ]
    return "\n".join([*lines, "}", ""])
