"""``cascade predict --chips``: upright faces of one size."""

from data_tools.files import make_folder, replace_file
from features.errors import InputError


class ChipWriter:
    """NAME.png; further faces of an image are NAME_2.png, NAME_3.png, …

    Parameters
    ----------
    folder : Path
    stems : dict of Path to str
        How the files that belong to each image are called.
    model : Aligner
    size : int
    margin : float

    Raises
    ------
    InputError
        If size or margin are out of range, a chip would overwrite a photograph, or no head model is
        known for the model's landmarks.
    """

    def __init__(self, folder, stems, model, size, margin):
        from data_tools.chips import chip_matrix
        from data_tools.heads import head_shape

        self.stems, self.scheme, self.size, self.margin = stems, model.scheme_, size, margin
        try:
            shape = head_shape(self.scheme).points[:, :2]
            self.mean = None
        except InputError:
            shape = self.mean = getattr(model, "mean_shape_", None)
            if shape is None:
                raise
        chip_matrix(shape, self.scheme, size, margin, mean=self.mean)
        self.folder = make_folder(folder)
        for path in stems:
            if folder.resolve() == path.parent.resolve():
                raise InputError(f"{folder}: holds the images; name another folder for --chips")

    def add(self, entry, path, found):
        """Write the chips of the faces of an image, and tell of them in its entry of the JSON."""
        import cv2
        import numpy as np

        from data_tools.chips import chip

        for i, (face, shape) in enumerate(zip(entry["faces"], found.shapes, strict=True)):
            cut, matrix = chip(
                found.image, shape, self.scheme, self.size, self.margin, mean=self.mean
            )
            name = f"{self.stems[path]}{f'_{i + 1}' if i else ''}.png"
            replace_file(self.folder / name, cv2.imencode(".png", cut)[1].tobytes())
            face["chip"] = {"file": name, "matrix": np.round(matrix, 6).tolist()}
