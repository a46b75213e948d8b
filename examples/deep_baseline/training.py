"""A network in training: its schedule, and checkpoints to go on from."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from data_tools.files import replace_file
from features.errors import InputError

LIMITS = "epochs", "minutes", "cpu_minutes"
WARM_UP = 0.02  # share of the training in which the learning rate rises


class Training:
    """A network on its way, and all that a checkpoint has to bring back.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    path : Path
        Where checkpoints go.
    options : dict
        What must be the same for training to go on from a checkpoint, but for the limits, which
        may be others: the rest of the schedule is stretched to them. Used here are ``rate``, the
        highest learning rate, and the limits ``epochs``, ``minutes`` and ``cpu_minutes``, of which
        two may be None.

    Attributes
    ----------
    epoch : int
        Epochs done.
    best : float
        Least error of `judge` so far, whose weights are `best_weights`.
    """

    def __init__(self, model, path, options):
        self.model, self.path, self.options = model, path, options
        self.epoch, self.best = 0, float("inf")
        self.best_weights = model.get_weights()
        self._clocks_before = np.zeros(2)
        self._clocks = _clocks()
        model.optimizer.build(model.trainable_variables)

    @property
    def seconds(self):
        """Time of training so far, and CPU time of all threads, those of earlier runs included."""
        return self._clocks_before + _clocks() - self._clocks

    def done(self, within=0.0):
        """Share of the training that is done; `within` is the share of the current epoch."""
        epochs = self.options["epochs"]
        shares = [(self.epoch + within) / epochs] if epochs else []
        limits = self.options["minutes"], self.options["cpu_minutes"]
        shares += [s / (60 * m) for s, m in zip(self.seconds, limits, strict=True) if m]
        return min(1.0, max(shares))

    def rate(self, done):
        """Learning rate: a short rise, then half a cosine down to zero."""
        return self.options["rate"] * min(1.0, done / WARM_UP) * (1 + np.cos(np.pi * done)) / 2

    def run_epoch(self, batches, n_batches):
        """Train on the batches, as far as there is time; return the mean loss."""
        losses = []
        # The next batch is cut while the network learns from this one.
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(next, batches)
            for k in range(n_batches):
                done = self.done(k / n_batches)
                if done >= 1:
                    break
                crops, truth = coming.result()
                coming = reader.submit(next, batches, None)
                self.model.optimizer.learning_rate = self.rate(done)
                self.model.reset_metrics()  # some releases of Keras return a running mean
                losses.append(float(np.ravel(self.model.train_on_batch(crops, truth))[0]))
        self.epoch += 1
        return float(np.mean(losses)) if losses else float("nan")

    def judge(self, error):
        """Keep the weights if their `error` on held-out faces is the least so far."""
        if error < self.best:
            self.best, self.best_weights = error, self.model.get_weights()

    def save(self):
        """Write the checkpoint, in one step."""
        tensors = {name: np.asarray(v.numpy()) for name, v in self._variables().items()}
        tensors |= {f"best.{i}": weights for i, weights in enumerate(self.best_weights)}
        facts = {"epoch": self.epoch, "best": self.best, "seconds": list(self.seconds)}
        notes = {"training": json.dumps(facts), "options": self._text_of_options()}
        replace_file(self.path, save(tensors, notes))

    def restore(self):
        """Go on from the checkpoint, if there is one.

        Raises
        ------
        InputError
            If it is damaged or was made with other options.
        """
        if not self.path.is_file():
            return
        try:
            with safe_open(str(self.path), "np") as file:
                notes = file.metadata() or {}
                same = notes.get("options") == self._text_of_options()
                if same:
                    self._take(file, json.loads(notes["training"]))
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{self.path}: not a checkpoint of this training; remove it or leave out --resume"
            ) from error
        if not same:
            raise InputError(
                f"{self.path}: made with other options; train with the same, or without --resume"
            )

    def _take(self, file, facts):
        for name, variable in self._variables().items():
            variable.assign(file.get_tensor(name))
        self.best_weights = [file.get_tensor(f"best.{i}") for i in range(len(self.best_weights))]
        self.epoch, self.best = facts["epoch"], facts["best"]
        self._clocks_before, self._clocks = np.array(facts["seconds"]), _clocks()

    def _variables(self):
        parts = {"model": self.model.variables, "optimizer": self.model.optimizer.variables}
        return {f"{part}.{i}": v for part, values in parts.items() for i, v in enumerate(values)}

    def _text_of_options(self):
        same = {k: v for k, v in self.options.items() if k not in LIMITS}
        return json.dumps(same, default=str, sort_keys=True)


def _clocks():
    """Seconds by the clock and of the CPU."""
    return np.array([time.perf_counter(), time.process_time()])
