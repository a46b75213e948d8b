"""The page of a comparison: one self-contained HTML file, without other files or network."""

import base64
import json
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

from data_tools import metrics
from data_tools.boxes import tight_box
from features.geometry import procrustes_mean

from .. import tables
from ..runner import facts

# Faces of each kind that a model shows in the gallery.
_N_BEST, _N_MEDIAN, _N_WORST = 4, 4, 8
_LONG_SIDE = 240
_MARGIN = 0.22  # around the landmarks and the box, of their size
_JPEG_QUALITY = 82


def render(comparison, summary):
    """The page as text.

    Parameters
    ----------
    comparison : Comparison
    summary : dict
        As `report.write_report` writes it to ``comparison.json``.

    Returns
    -------
    str
        HTML with its style, script, figures and images inside.
    """
    parts = {name: _asset(f"page.{name}") for name in ("css", "js")}
    # No text of the data can end the script element or begin a comment in it.
    data = json.dumps(_data(comparison, summary), separators=(",", ":"), allow_nan=False)
    parts["data"] = data.replace("<", "\\u003c")
    page = _asset("page.html")
    for name, text in parts.items():
        page = page.replace(f"/*{{{name}}}*/", text)
    return page


def _asset(name):
    return (files(__package__) / name).read_text(encoding="utf-8")


def _data(comparison, summary):
    faces, scheme = comparison.faces, comparison.faces.scheme
    first = {result.label: result for result in comparison.results}
    chosen = {
        points.name: {
            result.label: _gallery(comparison.errors(result, points))
            for result in comparison.rivals(points)
        }
        for points in comparison.point_sets
    }
    shown = sorted({i for by in chosen.values() for kinds in by.values()
                    for part in kinds.values() for i in part})  # fmt: skip
    return {
        **summary,
        "threshold": tables.THRESHOLD,
        "models": [
            {
                "label": label,
                "points": r.points.name,
                "n_points": r.points.n_points,
                "about": r.model.find.about,
                "seen": r.model.find.seen,
            }
            for label, r in first.items()
        ],
        "subsets": {
            name: np.flatnonzero(mask).tolist()
            for name, (mask, _) in tables.subsets_of(comparison).items()
        },
        "errors": {
            points.name: {
                result.label: _numbers(comparison.errors(result, points), 5)
                for result in comparison.rivals(points)
            }
            for points in comparison.point_sets
        },
        "parts": _parts(comparison),
        "mean": _mean_face(faces),
        "groups": [
            {"name": name.replace("_", " "), "points": list(points), "closed": closed}
            for name, (points, closed) in scheme.groups.items()
        ],
        "facts": {name: _numbers(values, 4) for name, values in facts(faces).items()},
        "gallery": chosen,
        "faces": {str(i): _face(comparison, i) for i in shown},
    }


def _gallery(errors):
    """Indices of a model's best, median and worst faces; missed faces count as the worst."""
    known = np.flatnonzero(~np.isnan(errors))
    order = known[np.argsort(errors[known], kind="stable")]
    middle = max(0, len(order) // 2 - _N_MEDIAN // 2)
    return {
        "worst": order[::-1][:_N_WORST].tolist(),
        "median": order[middle : middle + _N_MEDIAN].tolist(),
        "best": order[:_N_BEST].tolist(),
    }


def _parts(comparison):
    """Mean error of each landmark and each part, of the models that find the whole scheme."""
    scheme, found = comparison.faces.scheme, {}
    for result in comparison.results:
        if result.points.sources is None:
            errors = comparison.point_errors(result, result.points)
            parts = metrics.part_errors(errors, scheme)
            found[result.label] = {
                "landmarks": _numbers(metrics.landmark_means(errors), 5),
                "parts": [_mean(part) for part in parts.values()],
            }
    return found


def _mean(values):
    values = values[np.isfinite(values)]
    return round(float(values.mean()), 5) if len(values) else None


def _mean_face(faces):
    """The mean face upright, centred, its longer side one."""
    whole = faces.shapes[np.isfinite(faces.shapes).all((1, 2))]
    if not len(whole):
        return None
    tight = tight_box(whole)
    side = np.sqrt((tight[:, 2:] - tight[:, :2]).prod(1))[:, None, None]
    mean = procrustes_mean((whole - whole.mean(1, keepdims=True)) / np.maximum(side, 1))
    low, high = mean.min(0), mean.max(0)
    return np.round((mean - (low + high) / 2) / (high - low).max(), 4).tolist()


def _face(comparison, i):
    """One face to draw: its crop as a JPEG, and truth and answers in the pixels of the crop."""
    faces = comparison.faces
    image, truth, box = faces.image(i), faces.shapes[i], faces.boxes[i]
    extent = tight_box(np.concatenate([truth, box.reshape(2, 2)]))
    margin = _MARGIN * np.tile((extent[2:] - extent[:2]).max(), 2)
    height, width = image.shape
    left, top = np.clip(np.floor(extent[:2] - margin), 0, (width - 2, height - 2)).astype(int)
    right, bottom = np.clip(np.ceil(extent[2:] + margin), (left + 2, top + 2), (width, height))
    crop = image[top : int(bottom), left : int(right)]
    zoom = min(2.0, _LONG_SIDE / max(crop.shape))
    size = [max(1, round(n * zoom)) for n in crop.shape[::-1]]
    crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC)
    _, jpeg = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])

    def drawn(points):
        return [_numbers(p, 1) for p in (points - (left, top) + 0.5) * zoom]

    return {
        "name": Path(faces.files[i]).stem,
        "src": "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode(),
        "size": size,
        "truth": drawn(truth),
        "box": np.round(drawn(box.reshape(2, 2)), 1).ravel().tolist(),
        "found": {r.label: drawn(r.shapes[i]) for r in comparison.results},
    }


def _numbers(values, digits):
    """Rounded, for JSON: null for NaN, and a number that no error reaches for a miss."""
    return [
        None if np.isnan(v) else 1e9 if np.isinf(v) else round(float(v), digits)
        for v in np.asarray(values, np.float64)
    ]
