"""XML of CVAT 1.1 for images."""

from pathlib import Path
from xml.sax.saxutils import quoteattr

from ..files import replace_file
from ._images import by_image, landmarks


def write(path, faces, *, progress=None):
    """Write faces as "CVAT for images 1.1"; `data_tools.readers.cvat` reads them.

    A face is a skeleton, whose points are named by the landmarks' numbers, counted from 0, and a
    box of the same group_id. A missing landmark is ``outside``, a covered one ``occluded``.

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
    path = Path(path)
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<annotations>", "  <version>1.1</version>"]
    for number, (name, (width, height), members) in enumerate(
        by_image(path.parent, faces, progress)
    ):
        lines.append(
            f'  <image id="{number}" name={quoteattr(name)} width="{width}" height="{height}">'
        )
        for group, i in enumerate(members, 1):
            left, top, right, bottom = faces.boxes[i].tolist()
            lines.append(
                f'    <box label="face" source="manual" occluded="0" xtl="{left!r}" ytl="{top!r}" '
                f'xbr="{right!r}" ybr="{bottom!r}" z_order="0" group_id="{group}"></box>'
            )
            lines.append(
                '    <skeleton label="landmarks" source="manual" occluded="0" points="" '
                f'z_order="0" group_id="{group}">'
            )
            there = {k: (x, y, visible) for k, x, y, visible in landmarks(faces, i)}
            for k in range(faces.scheme.n_points):
                x, y, visible = there.get(k, (0.0, 0.0, None))
                lines.append(
                    f'      <points label="{k}" source="manual" outside="{int(k not in there)}" '
                    f'occluded="{int(visible is False)}" points="{x!r},{y!r}" z_order="0"></points>'
                )
            lines.append("    </skeleton>")
        lines.append("  </image>")
    lines += ["</annotations>", ""]
    replace_file(path, "\n".join(lines).encode())
