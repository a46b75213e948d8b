"""A feature and a regressor of your own, in one cascade with the toolkit's: under 40 lines."""

import numpy as np

from cascade import Cascade, Stage, Starts
from cascade.regressors import BoostedTrees
from data_tools.metrics import nme
from data_tools.synthetic import synthetic_faces
from features.geometry import from_box_frame
from features.pixels import Pixels


class Contrast:
    """Feature: grey levels in a small cross at each landmark, less their mean."""

    def fit(self, samples, residuals, reference, rng, workers):
        return self  # nothing to learn

    def extract(self, samples, reference, workers):
        arms = np.array([(x, y) for x in (-3, 0, 3) for y in (-3, 0, 3)], np.float32)
        points = from_box_frame(samples.shapes, samples.placements)[:, :, None] + arms
        x, y = np.moveaxis(np.rint(points).astype(int), -1, 0)
        height, width = samples.images.shape[1:]
        rows = samples.index[:, None, None]
        grey = samples.images[rows, y.clip(0, height - 1), x.clip(0, width - 1)] / 255
        return (grey - grey.mean(-1, keepdims=True)).reshape(len(x), -1)


class Nearest:
    """Regressor: the mean residual of the most similar training samples."""

    def fit_stage(self, feature, samples, residuals, reference, rng, workers, tick):
        self.known, self.residuals = feature.extract(samples, reference, workers), residuals
        return self

    def predict(self, features, k=10):
        likeness = features @ self.known.T - (self.known**2).sum(1) / 2
        return self.residuals[np.argpartition(likeness, -k)[:, -k:]].mean(1)


def main():
    faces, test = synthetic_faces(300, seed=1, size=160), synthetic_faces(60, seed=2, size=160)
    stages = [Stage(Contrast(), Nearest())] + [Stage(Pixels(200), BoostedTrees(60))] * 3
    model = Cascade(stages, starts=Starts(n=4), random_state=0).fit(faces)
    for n_stages in range(1, 5):
        staged = [model.align(test.image(i), test.boxes[i], staged=True).staged[n_stages - 1, 0]
                  for i in range(len(test))]  # fmt: skip
        print(f"stage {n_stages}: NME {nme(staged, test.shapes, test.scheme).mean() * 100:.2f} %")


if __name__ == "__main__":
    main()
