"""The figures of detectors: one row per set of scenes and detector."""

from itertools import pairwise

import numpy as np

from data_tools.scenes import sides

#: Edges of the classes of face sizes, sides in pixels.
SIZES = (0, 30, 60, 120, np.inf)
#: Rates of wrong boxes per image at which recall is reported.
ALLOWED = (0.02, 0.1, 0.5)


def size_names():
    """Names of the classes of face sizes.

    Examples
    --------
    >>> size_names()
    ['0-30', '30-60', '60-120', '120+']
    """
    return [f"{low:g}+" if np.isinf(high) else f"{low:g}-{high:g}" for low, high in pairwise(SIZES)]


def rows(judgement):
    """The table.

    Returns
    -------
    list of dict
        ``set``, ``kind``, ``n_images``, ``n_faces``, ``detector``; ``recall`` and
        ``wrong_per_image`` at the detector's own threshold; ``recall_uncorrected``, for its
        uncorrected boxes; ``average_precision``; ``recall_at``, by wrong boxes per image;
        ``by_size``, the recall and number of faces by their side in pixels; ``cpu_ms`` per image,
        the median, and ``cpu_ms_mean``. None if a figure is undefined.
    """
    table = []
    for k, scenes in enumerate(judgement.sets):
        for peer in judgement.peers:
            curve = judgement.curve(k, peer.label)
            plain = judgement.curve(k, peer.label, corrected=False)
            cpu = judgement.found[k][peer.label].cpu_seconds * 1e3
            there = judgement.faces_found(k, peer.label)
            table.append(
                {
                    "set": scenes.name,
                    "kind": scenes.kind,
                    "n_images": len(scenes),
                    "n_faces": scenes.n_faces,
                    "detector": peer.label,
                    "recall": _share(there),
                    "recall_uncorrected": _last(plain.recall) if scenes.n_faces else None,
                    "wrong_per_image": _last(curve.wrong_per_image),
                    "average_precision": _known(curve.average_precision),
                    "recall_at": {f"{w:g}": _known(curve.recall_at(w)) for w in ALLOWED},
                    "by_size": _by_size(scenes, there),
                    "cpu_ms": float(np.median(cpu)) if len(cpu) else None,
                    "cpu_ms_mean": float(np.mean(cpu)) if len(cpu) else None,
                }
            )
    return table


def _by_size(scenes, there):
    """Recall and number of the faces of each class of sizes that has some."""
    lengths = np.concatenate([np.zeros(0), *(sides(faces) for faces in scenes.faces)])
    classes = np.digitize(lengths, SIZES) - 1
    return {
        name: {"recall": float(there[classes == c].mean()), "n": int((classes == c).sum())}
        for c, name in enumerate(size_names())
        if (classes == c).any()
    }


def _share(flags):
    return float(flags.mean()) if len(flags) else None


def _last(values):
    return float(values[-1]) if len(values) else 0.0


def _known(value):
    return None if np.isnan(value) else float(value)
