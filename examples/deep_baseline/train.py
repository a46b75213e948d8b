"""Train a network that finds landmarks, as a peer of the cascades.

    pip install 'cascade-align[deep]'
    python examples/deep_baseline/train.py FOLDER... --out se_resnet.onnx --minutes 20
    python examples/deep_baseline/train.py --network 3ddfa --out 3ddfa.onnx --minutes 20

It reads the folders and boxes that ``cascade train`` reads, jitters boxes as the cascades jitter
their starts, and keeps the weights that are best on held-out faces; the networks that need depth
learn from drawn heads instead. A checkpoint is written after every epoch; ``--resume`` goes on from
it. At the end it prints the spec for ``cascade compare``.
"""

import numpy as np
from options import load_keras, parse
from sources import Heads, Photographs
from training import Training
from zoo import NETWORKS, load

from cascade.judging.points import points_of, whole
from cascade.loop.progress import Console
from features.errors import InputError


class Learner:
    """Trains the phases of a recipe, one after another."""

    def __init__(self, options, progress, source, recipe):
        self.options, self.progress = options, progress
        self.source, self.recipe = source, recipe
        self.seconds, self.n_epochs, self.best = np.zeros(2), 0, float("nan")

    def sample(self, n):
        """Crops and truths of at least `n` training faces, if there are as many."""
        rng = np.random.default_rng([self.options.seed, 1 << 30])
        parts = []
        while sum(len(crops) for crops, _ in parts) < n and len(parts) < 1000:
            parts += list(self.source.epoch(64, rng))
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def run(self):
        """Train all phases; return the last model."""
        from losses import flops

        phases = self.recipe.phases(self.source.mean, self)
        for index, (model, loss, share) in enumerate(phases):
            self.progress.say(
                f"{model.name}: {self.source.n_faces} faces to learn from, "
                f"{len(self.source.seen)} held out; {model.count_params():,} parameters, "
                f"{flops(model) / 1e6:.1f} MFLOPs a face (two for each multiply-add)"
            )
            self._train(index, model, loss, share)
        return model

    def _train(self, index, model, loss, share):
        import keras

        o = self.options
        optimizer = keras.optimizers.AdamW(o.rate, weight_decay=o.decay, clipnorm=5.0)
        optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        model.compile(optimizer, loss)
        same = {k: v for k, v in vars(o).items() if k not in ("out", "resume", "threads")}
        same |= {"phase": index, "minutes": o.minutes and o.minutes * share,
                 "cpu_minutes": o.cpu_minutes and o.cpu_minutes * share,
                 "epochs": o.epochs and max(1, round(o.epochs * share))}  # fmt: skip
        name = f"{o.out.name}.checkpoint{index or ''}"
        training = Training(model, o.out.with_name(name), same)
        if o.resume:
            training.restore()
            self.progress.say(f"going on after epoch {training.epoch}")
        training.save()  # now rather than after an epoch, in case it cannot be written
        bar = self.progress.counting("training")
        # The faces left over are too few to normalise by; they are others in every epoch.
        n_batches = max(1, self.source.n_faces // o.batch)
        while training.done() < 1:
            rng = np.random.default_rng([o.seed, index, training.epoch])
            before = training.seconds
            mean_loss = training.run_epoch(self._batches(rng), n_batches)
            error = self.source.error(self.recipe.predict(model, self.source.seen))
            training.judge(error)
            self.recipe.after_epoch(model, self.source)
            training.save()
            done, took = training.done(), training.seconds - before
            bar(done, 1)
            self.progress.say(
                f"epoch {training.epoch:>3}  loss {mean_loss:6.3f}  "
                f"validation NME {error * 100:5.2f} %  best {training.best * 100:5.2f} %  "
                f"{took[0]:5.1f} s ({took[1]:.1f} of the CPU), "
                f"about {training.seconds[0] / 60 * (1 / done - 1):.1f} min left"
            )
        model.set_weights(training.best_weights)
        self.seconds += training.seconds
        self.n_epochs += training.epoch
        self.best = training.best

    def _batches(self, rng):
        for crops, truth in self.source.epoch(self.options.batch, rng):
            yield self.recipe.inputs(crops, truth, rng), self.recipe.targets(truth)


def train(options, progress):
    """Read, train and export, telling `progress`, a Console; return the spec of the result."""
    entry = NETWORKS[options.network]

    def points(scheme):
        return whole(scheme) if entry.found is None else points_of(scheme, entry.found)

    source = (Heads if entry.drawn else Photographs)(options, points, progress)
    load_keras(options.threads)
    import keras

    keras.utils.set_random_seed(options.seed)
    recipe = load(options.network)(options, source)
    learner = Learner(options, progress, source, recipe)
    model = learner.run()
    spec, gap = recipe.write(model, learner)
    minutes = learner.seconds / 60
    progress.say(
        f"best validation NME {learner.best * 100:.2f} %, {learner.n_epochs} epochs in "
        f"{minutes[0]:.1f} minutes ({minutes[1]:.1f} of the CPU); "
        f"ONNX and Keras differ by {gap:.0e}"
    )
    return spec


def main(arguments=None):
    try:
        options = parse(arguments)
        with Console() as progress:
            spec = train(options, progress)
    except InputError as error:
        raise SystemExit(f"error: {error}") from error
    print(f"cascade compare FOLDER -m ert68 -m '{spec}'")


if __name__ == "__main__":
    main()
