"""The figures of a comparison: one row per model, set of points and subset of faces."""

from functools import partial
from itertools import combinations

import numpy as np

from data_tools import metrics

ALL = "all"
THRESHOLD = 0.08
COLUMNS = (
    "points",
    "subset",
    "model",
    "n",
    "nme",
    "nme_low",
    "nme_high",
    "median",
    "auc08",
    "auc08_low",
    "auc08_high",
    "fr08",
    "misses",
    "no_box",
    "ms_per_face",
    "cpu_ms_per_face",
    "first_ms",
    "megabytes",
    "load_seconds",
    "boxes",
    "seen",
    "about",
)


def subsets_of(comparison):
    """Every subset to report, all faces first: name to (mask (n,), faces without a box)."""
    parts = {ALL: (np.ones(len(comparison.faces), bool), len(comparison.without_box))}
    # A face without a box has no row, so which subset it belongs to is not known.
    parts.update({name: (np.asarray(mask, bool), 0) for name, mask in comparison.subsets.items()})
    return {name: part for name, part in parts.items() if part[0].any()}


def rows(comparison, seed=0):
    """The table.

    Returns
    -------
    list of dict
        With the keys `COLUMNS`. Errors are fractions. NME and its interval are over the faces that
        were found; AUC, failure rate and median count a missed face, or a face without a box, as a
        failure. None if a figure is undefined.
    """
    table = []
    for points in comparison.point_sets:
        for name, (mask, n_lost) in subsets_of(comparison).items():
            for result in comparison.rivals(points):
                errors = comparison.errors(result, points)[mask]
                table.append(
                    {
                        "points": points.name,
                        "subset": name,
                        "model": result.label,
                        **_figures(errors, n_lost, seed),
                        "no_box": n_lost,
                        "ms_per_face": float(np.median(result.seconds[mask]) * 1e3),
                        "cpu_ms_per_face": float(np.median(result.cpu_seconds[mask]) * 1e3),
                        "first_ms": result.first_seconds * 1e3,
                        "megabytes": _megabytes(result.model.find),
                        "load_seconds": result.model.load_seconds,
                        "seen": result.model.find.seen,
                        "about": result.model.find.about,
                        "boxes": result.model.place.about or "those of the faces",
                    }
                )
    return table


def _figures(errors, n_lost, seed):
    errors = errors[~np.isnan(errors)]
    counted = np.append(errors, np.full(n_lost, np.inf))
    found = errors[np.isfinite(errors)]
    figures = {"n": len(counted), "misses": int(np.isinf(errors).sum())}
    low, high = metrics.bootstrap_interval(found, seed=seed) if len(found) else (np.nan,) * 2
    figures["nme"] = float(found.mean()) if len(found) else None
    figures["nme_low"], figures["nme_high"] = _known(low), _known(high)
    area = partial(metrics.auc, threshold=THRESHOLD)
    if not len(counted):
        return figures | dict.fromkeys(("median", "auc08", "auc08_low", "auc08_high", "fr08"))
    low, high = metrics.bootstrap_interval(counted, area, seed=seed)
    return figures | {
        "median": _known(float(np.median(counted))),
        "auc08": area(counted),
        "auc08_low": _known(low),
        "auc08_high": _known(high),
        "fr08": metrics.failure_rate(counted, THRESHOLD),
    }


def _known(value):
    return float(value) if np.isfinite(value) else None


def _megabytes(find):
    return None if find.n_bytes is None else find.n_bytes / 1e6


def pairs(comparison, seed=0):
    """Paired tests of every two models on all faces, a list of dicts for each set of points.

    Returns
    -------
    list of dict
        ``points``, ``model``, ``other``, the figures of `metrics.paired_test`, and ``p_holm``: the
        p value adjusted for the number of tests on these points.
    """
    tests = []
    for points in comparison.point_sets:
        rivals = comparison.rivals(points)
        errors = {result.label: comparison.errors(result, points) for result in rivals}
        found = [
            {"points": points.name, "model": a, "other": b}
            | metrics.paired_test(errors[a], errors[b], seed=seed)
            for a, b in combinations(errors, 2)
        ]
        for test, p_value in zip(found, metrics.holm([t["p_value"] for t in found]), strict=True):
            test["p_holm"] = p_value
        tests += found
    return tests


_LATEX = (
    ("NME", lambda r: _percent(r["nme"])),
    ("95\\,\\%", lambda r: f"{_percent(r['nme_low'])}--{_percent(r['nme_high'])}"),
    ("AUC@8", lambda r: _percent(r["auc08"])),
    ("FR@8", lambda r: _percent(r["fr08"])),
    ("CPU ms", lambda r: f"{r['cpu_ms_per_face']:.3f}"),
    ("MB", lambda r: "--" if r["megabytes"] is None else f"{r['megabytes']:.1f}"),
)
_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    **{c: "\\" + c for c in "&%$#_{}"},
}  # fmt: skip


def latex(rows):
    """The rows as LaTeX, a tabular for each set of points and subset; needs booktabs."""
    parts = {}
    for row in rows:
        parts.setdefault((row["points"], row["subset"]), []).append(row)
    lines = []
    for (points, subset), part in parts.items():
        lines += [
            f"% {points}, {subset}, {part[0]['n']} faces; errors in percent",
            rf"\begin{{tabular}}{{l{'r' * len(_LATEX)}}}",
            r"\toprule",
            " & ".join(["model", *(name for name, _ in _LATEX)]) + r" \\",
            r"\midrule",
        ]
        for row in part:
            label = "".join(_SPECIAL.get(c, c) for c in row["model"])
            lines.append(" & ".join([label, *(cell(row) for _, cell in _LATEX)]) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}", ""]
    return "\n".join(lines)


def _percent(value):
    return "--" if value is None else f"{value * 100:.2f}"
