"""The common part of cascades and shape models as scikit-learn estimators."""

import numpy as np

from data_tools.metrics import nme
from features.errors import InputError
from features.parameters import Parameters


class Estimator(Parameters):
    """Parameters, and a score on annotated faces.

    Subclasses are also `Aligner`, and define `_check_fitted`.
    """

    def score(self, faces, y=None):
        """The negative mean error on annotated faces: higher is better, as scikit-learn expects.

        Parameters
        ----------
        faces : FaceDataset
        y : None
            Ignored, for scikit-learn's interface; the landmarks are in `faces`.

        Returns
        -------
        float
            At most 0; errors are fractions of the scheme's normaliser, see
            `data_tools.metrics.nme`. Faces without one are left out.

        Raises
        ------
        InputError
            If `faces` is not a dataset, has other landmarks, or has no face with a normaliser.

        Examples
        --------
        >>> from sklearn.model_selection import GroupKFold, cross_val_score
        >>> from cascade import ERT
        >>> from data_tools.synthetic import synthetic_faces
        >>> faces = synthetic_faces(20, seed=1, size=128)
        >>> model = ERT(n_stages=2, n_trees=5, random_state=0)
        >>> scores = cross_val_score(model, faces, groups=faces.groups, cv=GroupKFold(2))
        >>> bool((scores < 0).all())
        True
        """
        self._check_fitted()
        if not hasattr(faces, "store"):
            raise InputError(f"faces must be a FaceDataset, not {type(faces).__name__}")
        if y is not None:
            raise InputError("y must be None: the faces of a FaceDataset have their landmarks")
        if faces.scheme.n_points != self.scheme_.n_points:
            raise InputError(
                f"the faces have {faces.scheme.n_points} landmarks but the model finds "
                f"{self.scheme_.n_points}; score it on faces like those it was trained on"
            )
        errors = nme(self.predict_faces(faces), faces.shapes, faces.scheme)
        if np.isnan(errors).all():
            raise InputError(
                "no face has the landmarks of the normaliser, which errors are divided by; "
                "give faces with eye corners"
            )
        return -float(np.nanmean(errors))
