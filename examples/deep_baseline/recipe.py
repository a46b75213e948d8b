"""What the trainer asks of a network."""

import numpy as np
from crops import MEAN, SCALE
from zoo import NETWORKS


class Recipe:
    """How a network is built, what it learns from, and how its answers are read.

    Subclasses have ``build(mean)``, a keras.Model, or override `phases`; the rest only where it is
    another than here: a network that regresses all coordinates from grey crops.
    """

    def __init__(self, options, source):
        self.options, self.source = options, source

    def phases(self, mean, learner):
        """Models to train one after another, each a triple: a model, its loss, and the share of the
        time that it gets. The code after a `yield` runs when that model has been trained.

        Parameters
        ----------
        mean : ndarray of shape (P, 2)
            In fractions of the crop.
        learner : train.Learner
            Its `sample(n)` gives crops and truths of training faces.
        """
        yield self.build(mean), self.loss(), 1.0

    def loss(self):
        """Between the targets and the model's answers."""
        from losses import loss

        return loss(self.options.loss, self.options.size)

    def inputs(self, crops, truth, rng):
        """What the model sees of crops (n, size, size, 1)."""
        return crops

    def targets(self, truth):
        """What the model should answer where points are at `truth` (n, P, 2), in fractions."""
        return truth.reshape(len(truth), -1)

    def fractions(self, answers):
        """Points (n, P, 2) of answers of the model."""
        return np.asarray(answers).reshape(len(answers), -1, 2)

    def predict(self, model, crops):
        """Points (n, P, 2) that a model in training finds in crops."""
        return self.fractions(model.predict(crops, batch_size=64, verbose=0))

    def after_epoch(self, model, source):
        """Called when an epoch has been judged."""

    def final(self, model):
        """The model to export, of one output."""
        return model

    def decode(self):
        """What the spec for `cascade compare` says of the output; writes files that it names."""
        return ""

    def write(self, model, learner):
        """Write the ONNX file.

        Returns
        -------
        spec : str
            For `cascade compare`.
        gap : float
            How far its answers for held-out crops are from Keras', at most.
        """
        o = self.options
        how = f"mean={MEAN:g}&scale={SCALE:g}&expand={o.expand:g}{self.decode()}"
        # Five points could be others.
        found = NETWORKS[o.network].found
        how += f"&points={found}" if found else ""
        model, seen = self.final(model), self.source.seen[:32]
        gap = export_checked(model, o.out, seen, self.notes(learner) | {"spec": how})
        return f"onnx:{o.out}?{how}", gap

    def notes(self, learner):
        """Facts for the file."""
        o = self.options
        folders = ", ".join("/".join(folder.resolve().parts[-3:]) for folder in o.folders)
        return {
            "trained_on": folders or "drawn heads",
            "terms": o.terms,
            "faces": self.source.n_faces,
            "validation": learner.best,
            "minutes": learner.seconds[0] / 60,
            "cpu_minutes": learner.seconds[1] / 60,
        }


def export_checked(model, path, seen, notes):
    """Export a model; return how far its answers in `seen` are from Keras', at most."""
    from onnxruntime import InferenceSession
    from to_onnx import export

    export(model, path, **notes)
    session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"face": np.ascontiguousarray(seen.transpose(0, 3, 1, 2))})
    expected = np.asarray(model.predict(seen, verbose=0))
    if expected.ndim == 4:
        expected = expected.transpose(0, 3, 1, 2)
    return float(np.abs(found - expected).max())
