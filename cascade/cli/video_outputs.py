"""What ``cascade video`` makes of the faces of each frame: a video, tables, a window.

Each output has ``add(number, seconds, frame, found)`` for the `TrackedFaces` of a frame, and
``close(keep)``.
"""

import json
import os
import sys

from data_tools.files import scratch_beside
from features.errors import InputError

from .common import rounded

# Keys that close the window: q and Escape.
_QUIT = {ord("q"), ord("Q"), 27}


def _drawn(frame, found, scheme):
    """A frame with the landmarks, covered ones in another colour."""
    from data_tools.plots import overlay

    from ..detection.drawing import drawn_as_seen

    if not len(found):
        return frame
    return overlay(frame, found.shapes, scheme, visible=drawn_as_seen(found.visible))


def _poses(found, head):
    """Yaw, pitch and roll (n, 3) of the faces, NaN where they are not known."""
    import numpy as np

    return head.pose(found.shapes) if len(found) else np.empty((0, 3))


def head_of(scheme):
    """The head that poses are told by, or None for a scheme whose points on a head are not
    known."""
    from data_tools.heads import head_shape

    try:
        return head_shape(scheme)
    except InputError:
        return None


class Drawer:
    """A video with the landmarks."""

    def __init__(self, path, frames, scheme):
        from data_tools.video import VideoWriter

        self.scheme = scheme
        self.file = VideoWriter(path, frames.rate, frames.size)

    def add(self, number, seconds, frame, found):
        """Write a frame."""
        self.file.write(_drawn(frame, found, self.scheme))

    def close(self, keep):
        """End the file, and keep it or not."""
        self.file.close(keep)


class Window:
    """A window with the landmarks; closed by q, Escape or its own button.

    Raises
    ------
    InputError
        Where there is no display, or this OpenCV opens no windows.
    """

    _TITLE = "cascade video"

    def __init__(self, scheme):
        from features.opencv import cv2

        self.scheme, self.closed = scheme, False
        shown_by = "WAYLAND_DISPLAY", "DISPLAY"
        # OpenCV's windows end the whole program where they find no display.
        if sys.platform.startswith("linux") and not any(map(os.environ.get, shown_by)):
            raise InputError(
                "there is no display to show a window on (DISPLAY is not set); write a file: "
                "--out drawn.mp4"
            )
        try:
            cv2.namedWindow(self._TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        except cv2.error as error:
            raise InputError(
                "this OpenCV opens no windows (opencv-python-headless); write a file: --out "
                "drawn.mp4, or install opencv-python"
            ) from error
        self._cv2 = cv2

    def add(self, number, seconds, frame, found):
        """Show a frame, and see whether the user has had enough."""
        self._cv2.imshow(self._TITLE, _drawn(frame, found, self.scheme))
        key = self._cv2.waitKey(1)
        gone = self._cv2.getWindowProperty(self._TITLE, self._cv2.WND_PROP_VISIBLE) < 1
        self.closed = gone or (key >= 0 and (key & 0xFF) in _QUIT)

    def close(self, keep):
        """Close the window."""
        self._cv2.destroyAllWindows()


class _Lines:
    """A text file that grows line by line and appears when it is complete."""

    def __init__(self, path):
        self.path = path
        self.scratch = scratch_beside(path)
        self.file = self.scratch.open("x", encoding="utf-8")

    def close(self, keep):
        """End the file, and keep it or not."""
        try:
            self.file.close()
            if keep:
                os.replace(self.scratch, self.path)
        finally:
            self.scratch.unlink(missing_ok=True)


class Csv(_Lines):
    """frame, seconds, face, then x and y of each landmark, then how far mouth and eyes are open,
    then yaw, pitch and roll, as far as the scheme tells them"""

    def __init__(self, path, scheme):
        from data_tools.openings import measurable

        super().__init__(path)
        self.scheme = scheme
        points = [f"x{i},y{i}" for i in range(scheme.n_points)]
        measures = [f"{name}_opening" for name in measurable(scheme)]
        self.head = head_of(scheme)
        measures += ["yaw", "pitch", "roll"] if self.head else []
        self.file.write(",".join(["frame", "seconds", "face", *points, *measures]) + "\n")

    def add(self, number, seconds, frame, found):
        """Write the faces of a frame."""
        import numpy as np

        from data_tools.openings import openings

        measures = openings(found.shapes, self.scheme).values()
        poses = _poses(found, self.head) if self.head else None
        for i, face in enumerate(found.ids.tolist()):
            cells = [f"{value:.3f}" for value in found.shapes[i].ravel()]
            cells += [f"{values[i]:.4f}" for values in measures]
            if poses is not None:
                cells += [f"{angle:.2f}" if np.isfinite(angle) else "" for angle in poses[i]]
            self.file.write(f"{number},{seconds:.4f},{face},{','.join(cells)}\n")


class JsonLines(_Lines):
    """{"frame", "seconds", "faces": [{"face", "box", "landmarks", "openings", …}]} a line"""

    def __init__(self, path, scheme):
        super().__init__(path)
        self.scheme, self.head = scheme, head_of(scheme)

    def add(self, number, seconds, frame, found):
        """Write the faces of a frame."""
        import numpy as np

        from data_tools.openings import openings

        faces, measures = [], openings(found.shapes, self.scheme)
        poses = _poses(found, self.head) if self.head else None
        for i, face in enumerate(found.ids.tolist()):
            entry = {"face": face, "box": rounded(found.boxes[i])}
            entry["landmarks"] = rounded(found.shapes[i])
            # JSON knows no NaN.
            entry["openings"] = {
                name: round(float(values[i]), 4) if np.isfinite(values[i]) else None
                for name, values in measures.items()
            }
            if poses is not None:
                known = np.isfinite(poses[i]).all()
                turns = np.round(poses[i], 2).tolist() if known else [None] * 3
                entry["pose"] = dict(zip(("yaw", "pitch", "roll"), turns, strict=True))
            if found.visible is not None:
                entry["visible"] = rounded(found.visible[i])
            faces.append(entry)
        line = {"frame": number, "seconds": round(seconds, 4), "faces": faces}
        self.file.write(json.dumps(line, allow_nan=False) + "\n")
