"""Tasks of Label Studio in JSON."""

import json
from pathlib import Path

from ..files import replace_file
from ._images import by_image, landmarks


def write(path, faces, *, progress=None):
    """Write faces as tasks of Label Studio; `data_tools.readers.label_studio` reads them.

    A face is a rectangle and key points that have it as parentID. Points are named by landmark
    numbers from 0, in percent of the image. Missing landmarks are left out; a landmark that all
    faces lack is lost. The text "hidden" marks an occluded landmark.

    Parameters
    ----------
    path : str or Path
        Images are named relative to its folder; those that are not in it are written to the folder
        images beside it.
    faces : FaceDataset
    progress : callable, optional
        Called as ``progress(done, total)`` after each image.

    Raises
    ------
    InputError
        If an image cannot be read or a file not written.
    """
    path, tasks = Path(path), []
    for number, (name, size, members) in enumerate(by_image(path.parent, faces, progress), 1):
        result = []
        for i in members:
            parent = f"face{i}"
            left, top, right, bottom = faces.boxes[i].tolist()
            width, height = _percent(right - left, bottom - top, size)
            x, y = _percent(left, top, size)
            value = {"x": x, "y": y, "width": width, "height": height, "rotation": 0,
                     "rectanglelabels": ["face"]}  # fmt: skip
            result.append(_region(parent, "rectanglelabels", "box", value, size))
            for k, x, y, visible in landmarks(faces, i):
                x, y = _percent(x, y, size)
                value = {"x": x, "y": y, "width": 0.5, "keypointlabels": [str(k)]}
                region = _region(f"{parent}-{k}", "keypointlabels", "landmarks", value, size)
                region["parentID"] = parent
                if visible is False:
                    region["meta"] = {"text": ["hidden"]}
                result.append(region)
        tasks.append(
            {
                "id": number,
                "data": {"image": name},
                "annotations": [{"id": number, "was_cancelled": False, "result": result}],
            }
        )
    replace_file(path, json.dumps(tasks).encode())


def _percent(x, y, size):
    return x / size[0] * 100, y / size[1] * 100


def _region(name, kind, control, value, size):
    return {
        "id": name,
        "type": kind,
        "from_name": control,
        "to_name": "image",
        "original_width": size[0],
        "original_height": size[1],
        "image_rotation": 0,
        "value": value,
    }
