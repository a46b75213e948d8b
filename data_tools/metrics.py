import numpy as np
def nme(predicted, truth, scheme, kind="interocular", boxes=None):
    if kind == "interocular":
        a, b = scheme.eye_corners
        d = np.linalg.norm(truth[:, a] - truth[:, b], axis=1)
    else:
        d = np.linalg.norm(np.nanmax(truth, 1) - np.nanmin(truth, 1), axis=1)
    return np.nanmean(np.linalg.norm(predicted - truth, axis=-1), axis=1) / d
