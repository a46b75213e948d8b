"""MediaPipe's face mesh (Kartynnik et al. 2019): 468 points, of which 68 stand for 300-W's.

``mediapipe`` runs the package's own pipeline on a crop around the given box; its detector looks
for the face in there, and a face that it does not find is a miss. ``mediapipe:FILE.tflite`` runs
the mesh network alone, on the given box and then once more on the turned crop around its own
answer, which is how the pipeline follows a face through a video.

The mesh has no points *at* the landmarks of 300-W. `MESH68` names for each the vertex at that
place of the published topology (lips, eyes, eyebrows, nose and face oval); where several would do,
the one that lies nearest on average to the landmarks of 300-W training faces. The jaw is where the
two annotations differ most: the oval follows the head's surface, 300-W the outline that shows.
"""

from pathlib import Path

import cv2
import numpy as np

from features.errors import InputError

from ..crops import SquareCrop
from ..specs import needed

# The right eye, eyebrow and jaw are the person's own, on the left of the image.
MESH68 = (
    *(127, 234, 132, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 361, 454, 356),  # jaw
    *(70, 63, 105, 66, 107),  # right eyebrow
    *(336, 296, 334, 293, 300),  # left eyebrow
    *(168, 197, 5, 4),  # bridge of the nose
    *(75, 97, 2, 326, 305),  # base of the nose
    *(33, 160, 158, 133, 153, 144),  # right eye
    *(362, 385, 387, 263, 373, 380),  # left eye
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # outer lip
    *(78, 82, 13, 312, 308, 317, 14, 87),  # inner lip
)
_EYES = (33, 263)  # outer corners
_SEEN = "trained on photographs that its makers do not list"
_INSTALL = "pip install 'mediapipe<=0.10.21' (Python up to 3.12, numpy below 2)"
_INSTALL_LITE = "pip install ai-edge-litert"
# Sides of the crops, in units of the box's and of the mesh's own.
_AROUND_BOX, _AROUND_MESH = 1.5, 1.5
_CROP = 256
_MIN_SCORE = 0.5


def load(spec):
    """The whole pipeline, or the network in the spec's file."""
    if spec.target:
        return _Network(spec.file())
    mediapipe = needed("mediapipe", _INSTALL, "mediapipe")
    if not hasattr(mediapipe, "solutions"):
        raise InputError(
            f"this version of mediapipe comes without the face mesh; install it with: {_INSTALL}, "
            "or name the network's file: mediapipe:face_landmark.tflite"
        )
    return _Pipeline(mediapipe)


class _Pipeline:
    points = "face68"
    seen = _SEEN
    about = "MediaPipe face mesh with its own detector, 468 points by an index map"

    def __init__(self, mediapipe):
        self.mesh = mediapipe.solutions.face_mesh.FaceMesh(
            static_image_mode=True,
            max_num_faces=1,
            refine_landmarks=True,
            min_detection_confidence=0.2,  # there is a face: the box says so
        )
        root = Path(mediapipe.__file__).parent / "modules"
        files = (
            "face_landmark/face_landmark_with_attention.tflite",
            "face_detection/face_detection_short_range.tflite",
        )
        sizes = [(root / file).stat().st_size for file in files if (root / file).is_file()]
        self.n_bytes = sum(sizes) or None

    def __call__(self, image, box):
        crop = SquareCrop(box, _CROP, 2.0)
        found = self.mesh.process(cv2.cvtColor(crop.cut(image), cv2.COLOR_GRAY2RGB))
        if not found.multi_face_landmarks:
            return None
        marks = found.multi_face_landmarks[0].landmark
        return crop.to_image([(marks[i].x, marks[i].y) for i in MESH68])


class _Network:
    points = "face68"
    seen = _SEEN
    about = "MediaPipe face mesh, the network alone, 468 points by an index map"

    def __init__(self, path):
        lite = needed("ai_edge_litert.interpreter", _INSTALL_LITE, "mediapipe:FILE.tflite")
        try:
            self.net = lite.Interpreter(model_path=str(path), num_threads=1)
            self.net.allocate_tensors()
            (entry,) = self.net.get_input_details()
            outputs = self.net.get_output_details()
            self.size = int(entry["shape"][1])
            mesh = next(o for o in outputs if np.prod(o["shape"]) == 468 * 3)
        except (ValueError, RuntimeError, StopIteration, IndexError) as error:
            raise InputError(
                f"{path}: not the face mesh network; take face_landmark.tflite of mediapipe"
            ) from error
        score = next((o for o in outputs if np.prod(o["shape"]) == 1), None)
        self.input, self.mesh = entry["index"], mesh["index"]
        self.score = None if score is None else score["index"]
        self.n_bytes = path.stat().st_size

    def __call__(self, image, box):
        mesh = self._run(image, SquareCrop(box, self.size, _AROUND_BOX))
        if mesh is None:
            return None
        low, high = mesh.min(0), mesh.max(0)
        side, centre = (high - low).max() / 2, (low + high) / 2
        around = (*(centre - side), *(centre + side))
        eyes = mesh[_EYES[1]] - mesh[_EYES[0]]
        turned = SquareCrop(around, self.size, _AROUND_MESH, np.arctan2(eyes[1], eyes[0]))
        again = self._run(image, turned)
        return (mesh if again is None else again)[list(MESH68)]

    def _run(self, image, crop):
        """The mesh (468, 2) in the image; None where the network sees no face."""
        pixels = crop.cut(image).astype(np.float32) / 255
        self.net.set_tensor(self.input, np.repeat(pixels[None, :, :, None], 3, axis=3))
        self.net.invoke()
        if self.score is not None:
            logit = float(self.net.get_tensor(self.score).ravel()[0])
            if logit < np.log(_MIN_SCORE / (1 - _MIN_SCORE)):
                return None
        mesh = self.net.get_tensor(self.mesh).reshape(-1, 3)[:, :2]
        return crop.to_image(mesh / self.size)
