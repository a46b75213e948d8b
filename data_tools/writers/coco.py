"""Keypoints in COCO's JSON."""

import json
from pathlib import Path

from ..files import replace_file
from ._images import by_image, landmarks


def write(path, faces, *, progress=None):
    """Write faces as keypoints in COCO's format; `data_tools.readers.coco` reads them.

    Parameters
    ----------
    path : str or Path
        Images are named relative to its folder; those that are not in it are written to the folder
        images beside it.
    faces : FaceDataset
        v is 0 for a missing landmark, 1 for an occluded one, else 2. If all landmarks are occluded,
        or none is, a reader cannot tell visibility from the file.
    progress : callable, optional
        Called as ``progress(done, total)`` after each image.

    Raises
    ------
    InputError
        If an image cannot be read or a file not written.
    """
    path, scheme = Path(path), faces.scheme
    images, annotations = [], []
    for image_id, (name, (width, height), members) in enumerate(
        by_image(path.parent, faces, progress), 1
    ):
        images.append({"id": image_id, "file_name": name, "width": width, "height": height})
        for i in members:
            keypoints = [0.0, 0.0, 0] * scheme.n_points
            n_there = 0
            for k, x, y, visible in landmarks(faces, i):
                keypoints[3 * k : 3 * k + 3] = x, y, 1 if visible is False else 2
                n_there += 1
            left, top, right, bottom = faces.boxes[i].tolist()
            annotations.append(
                {
                    "id": i + 1,
                    "image_id": image_id,
                    "category_id": 1,
                    "iscrowd": 0,
                    "keypoints": keypoints,
                    "num_keypoints": n_there,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                }
            )
    category = {
        "id": 1,
        "name": "face",
        "supercategory": "person",
        "keypoints": [str(k) for k in range(scheme.n_points)],
        "skeleton": _skeleton(scheme),
    }
    content = {
        "info": {"description": f"landmarks: {scheme.name}"},
        "images": images,
        "annotations": annotations,
        "categories": [category],
    }
    replace_file(path, json.dumps(content).encode())


def _skeleton(scheme):
    """Pairs of landmarks to connect, counted from 1."""
    pairs = []
    for points, closed in scheme.groups.values():
        ends = (*points[1:], points[0]) if closed and len(points) > 2 else points[1:]
        pairs += [[a + 1, b + 1] for a, b in zip(points, ends, strict=False)]
    return pairs
