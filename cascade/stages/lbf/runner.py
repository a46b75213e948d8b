"""LBF stages in action: forests, sparse sums and shape updates in one kernel."""

from features._lanes import LANES

from ..fused import FusedRunner
from ..packing import stack, whole
from ._run_kernels import run_lbf


class LBFRunner(FusedRunner):
    """Sparse linear regression on local binary features."""

    kernel = staticmethod(run_lbf)

    def _stacked(self, features, predictors):
        return [
            stack([f.points for f in features]),
            stack([f.node_words for f in features]),
            stack([_rows(p) for p in predictors]),
            stack([whole(p.basis, 0, LANES) for p in predictors]),
            stack([p.bias for p in predictors]),
        ]


def _rows(predictor):
    """Weights (leaves of all trees, R) in whole lanes; added components weigh zero."""
    return whole(predictor.weights.reshape(-1, len(predictor.basis)), 1, LANES)
