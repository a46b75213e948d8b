"""Parameters of a 3-D face model, as by 3DDFA (Zhu et al. 2016, "Face alignment across large poses:
a 3D solution") and its second version (Guo et al. 2020)."""

import numpy as np

from features.errors import InputError
from features.files import read_bytes

MAX_BYTES = 1 << 29
_POSE = 12


class FaceModel:
    """The landmarks of a linear face model under weak perspective.

    The network puts out 12 numbers of the pose, a matrix (3, 4) row by row of rotation, scale and
    shift; then the weights of the model's shapes; then those of its expressions: 12 + 40 + 10 for
    3DDFA. x and y are in pixels of the crop counted from 1, y upwards, as in Matlab and 3DDFA.

    The option ``model`` names the face model, a .safetensors file with the arrays

    ``mean`` (3 V,) or (V, 3)
        x, y and z of each vertex.
    ``shape`` (3 V, S), ``expression`` (3 V, E)
        What the weights are multiplied by.
    ``keypoints`` (P,), optional
        The vertices that are landmarks; without it all are.
    ``param_mean``, ``param_std`` (12 + S + E,), optional
        By which the network's answers are scaled back.
    """

    about = "3-D face model"

    def __init__(self, spec, size):
        path = spec.take("model", None)
        if path is None:
            raise InputError(f"{spec.text}: add model=FILE.safetensors, the face model")
        self.size = size
        arrays = _read(path)
        mean = arrays["mean"].reshape(-1)
        n_rows = len(mean)
        shape, expression = arrays["shape"], arrays["expression"]
        if n_rows < 6 or n_rows % 3 or {a.ndim for a in (shape, expression)} != {2} or {
            len(shape), len(expression)
        } != {n_rows}:  # fmt: skip
            raise InputError(
                f"{path}: mean must hold x, y and z of each vertex, and shape and expression as "
                "many rows"
            )
        keypoints = arrays.get("keypoints", np.arange(n_rows // 3)).ravel()
        if len(keypoints) < 2 or not ((keypoints >= 0) & (keypoints < n_rows // 3)).all():
            raise InputError(f"{path}: keypoints must be at least 2 vertices below {n_rows // 3}")
        rows = (3 * keypoints.astype(np.int64)[:, None] + np.arange(3)).ravel()
        self.mean = mean[rows]
        self.basis = np.concatenate([shape[rows], expression[rows]], axis=1)
        self.n_parameters = _POSE + self.basis.shape[1]
        self.shift = arrays.get("param_mean", np.zeros(self.n_parameters)).ravel()
        self.scale = arrays.get("param_std", np.ones(self.n_parameters)).ravel()
        if {len(self.shift), len(self.scale)} != {self.n_parameters}:
            raise InputError(
                f"{path}: param_mean and param_std must hold {self.n_parameters} numbers, 12 and "
                "the columns of shape and expression"
            )

    def count(self, shape):
        """Points that an output of this shape holds; 0 if it holds none."""
        return len(self.mean) // 3 if np.prod(shape) == self.n_parameters else 0

    def __call__(self, answer):
        parameters = np.asarray(answer, np.float64).ravel() * self.scale + self.shift
        pose = parameters[:_POSE].reshape(3, 4)
        points = (self.mean + self.basis @ parameters[_POSE:]).reshape(-1, 3)
        x, y = (points @ pose[:2, :3].T + pose[:2, 3]).T
        # The first pixel is 1 and its middle half a pixel from the edge; y counts from below.
        return np.stack([x - 0.5, self.size - y + 0.5], axis=-1) / self.size


def _read(path):
    """The arrays of a face model, float64."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(read_bytes(path, MAX_BYTES))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a sound .safetensors file of a face model") from error
    for name in ("mean", "shape", "expression"):
        if name not in arrays:
            raise InputError(f"{path}: has no array {name!r}; a face model needs it")
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise InputError(f"{path}: {name} must hold finite numbers")
    return {name: array.astype(np.float64) for name, array in arrays.items()}
