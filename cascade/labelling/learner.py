"""The model in the loop: it is trained in the background while faces are labelled."""

import threading
import time
import traceback

import cv2
import numpy as np

from data_tools.boxes import iou, tight_box
from data_tools.dataset import FaceDataset
from data_tools.detector_table import DEFAULT_DETECTOR
from data_tools.detectors import get_detector
from features.errors import InputError
from features.geometry import box_placement

from ..detection.placing import box_of
from ..models import available, load
from .folder import SAME_FACE
from .patches import Patches
from .rivals import LEARNING, Learned, Template, Trained, error_of, folds, learner_of, mean_error

#: Number of labelled faces at which training begins.
FEWEST = 10
# It is trained again when the number of faces has grown by this factor, and by one at least.
_GROWTH = 1.1
# Number of images among which the least certain one is searched.
_N_ASKED = 60
# Side of the box, as a share of the image's short side, if no face was found.
_BOX_SHARE = 0.6
# Number of labelled faces from which the usual position of boxes is estimated.
_ENOUGH = 3
_PRETRAINED = "sdm68"


class Learner:
    """Proposes landmarks, is trained on the finished faces, and names the least certain images.

    Methods may be called from any thread.

    Parameters
    ----------
    session : Session
    detector : str or callable
        As for `data_tools.detectors.get_detector`.
    method : str
        "auto" tries ERT and SDM and takes the better one; or a name of `cascade.METHODS`.
    model : str, Path, None or "auto"
        A trained model that makes the proposals until another is better; "auto" is the pretrained
        one if the scheme is, or is part of, its 68 points. None or "none": no model.

    Raises
    ------
    InputError
        If detector, method or model is unknown, or the model does not fit the scheme.
    """

    def __init__(self, session, detector=DEFAULT_DETECTOR, method="auto", model="auto"):
        self.session, self.detector, self._spec = session, get_detector(detector), detector
        self.methods = LEARNING if method == "auto" else (method,)
        learner_of(self.methods[0], FEWEST, session.scheme.n_points)  # refuses a mistyped one
        self._model = None if model == "none" else model
        self._patches = Patches(session)
        self._wake = threading.Condition()
        self._thread, self._stopping = None, False
        self._boxes = {}
        self._order = np.random.default_rng(0).permutation(len(session.entries)).tolist()
        self.version, self.message, self.busy = 0, "", ""
        self.renew()

    def renew(self):
        """Forget all models: the session has another scheme."""
        self._trained = self._start(self._model)
        self._models, self._errors, self._spreads = {}, {}, {}
        self._best, self._template, self._template_of = self._trained, None, None
        self._learned_from, self.history = 0, []
        self.version += 1

    def _start(self, model):
        scheme = self.session.scheme
        if model is None:
            return None
        if model != "auto":
            return Trained(load(model), scheme, self._spec)
        if _PRETRAINED not in available():
            return None
        try:
            return Trained(load(_PRETRAINED), scheme, self._spec)
        except InputError:  # another scheme, which it knows nothing of
            return None

    # -------------------------------------------------------------------------- the thread

    def start(self):
        """Start the training thread, which first compiles the training code; returns self."""
        self.busy = "getting ready"
        self._thread = threading.Thread(target=self._run, name="learner", daemon=True)
        self._thread.start()
        return self

    def stop(self):
        """End the thread, after the current training."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()

    def tell(self):
        """Notify the thread that faces were finished or changed."""
        with self._wake:
            self._wake.notify_all()

    def _run(self):
        self._warm_up()
        while not self._stopping:
            if self._due():
                self.learn()
            elif not self._ask():
                with self._wake:
                    if not self._stopping and not self._due():
                        self._wake.wait(5.0)

    def _warm_up(self):
        """Import what training needs, and compile its kernels, before anybody waits for it."""
        from data_tools.synthetic import synthetic_faces

        try:
            faces = synthetic_faces(12, size=96)
            for method in self.methods:
                if not self._stopping:
                    model = learner_of(method, 400, 68).fit(faces)
                    Learned(model).propose(faces.image(0), faces.boxes[0])
        except Exception as error:
            self._failed(error)
        self.busy = ""

    def _due(self):
        n = len(self.session.labelled())
        return n >= FEWEST and n >= max(self._learned_from + 1, self._learned_from * _GROWTH)

    # ------------------------------------------------------------------------------ learning

    def learn(self):
        """Train on all finished faces and measure on held-out ones; the best proposes from now on.

        If there was no model, the first one trained makes proposals at once; then errors decide.
        """
        began = time.thread_time()  # trainings use this thread alone
        self.busy = "learning"
        self._learned_from = len(self.session.labelled())
        try:
            faces = self._patches.faces()
            parts = folds(faces)
            row = {"n": self._learned_from}
            row["mean"] = _held_out(parts, Template)
            if self._trained is not None:
                row["trained"] = error_of(self._trained, faces)
            for method in self.methods:

                def fit(part, method=method):
                    return Learned(learner_of(method, len(part), part.shapes.shape[1]).fit(part))

                self._take(method, fit(faces))
                row.setdefault("seconds", round(time.thread_time() - began, 3))
                if self._stopping:
                    return
                row[method] = _held_out(parts, fit)
                self._errors = {k: v for k, v in row.items() if k not in ("n", "seconds")}
                self._choose()
            self.history.append(row)
            self.message = ""
        except Exception as error:
            self._failed(error)
        finally:
            self.busy = ""

    def _failed(self, error):
        """Show an error in the page; the thread goes on, since more faces may resolve it."""
        if isinstance(error, InputError):
            self.message = str(error)
        else:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{last.name}, line {last.lineno}"
            self.message = f"unexpected {type(error).__name__}: {error} ({where})"

    def _take(self, name, model):
        """Use a new model at once if it replaces one of the same method, or there is none."""
        before, self._models[name] = self._models.get(name), model
        if self._best is None or self._best is before:
            self._best = model
        self.version += 1

    def _choose(self):
        """Let the model with the smallest error make the proposals."""
        rivals = {"trained": self._trained, **self._models}
        known = {
            name: self._errors[name]
            for name, rival in rivals.items()
            if rival is not None and np.isfinite(self._errors.get(name, np.nan))
        }
        if known and rivals[min(known, key=known.get)] is not self._best:
            self._best = rivals[min(known, key=known.get)]
            self.version += 1

    # ------------------------------------------------------------------------------ proposing

    def boxes(self, i):
        """Boxes (n, 4) of possible faces in image `i`, without those that have landmarks."""
        found = self.session.spare(i)
        if not len(found):
            if i not in self._boxes:
                grey = cv2.cvtColor(self.session.pixels(i), cv2.COLOR_BGR2GRAY)
                self._boxes[i] = np.asarray(self.detector(grey), np.float32).reshape(-1, 4)
            found = self._boxes[i]
        taken = [face["box"] for face in self.session.image(i)["faces"]]
        if taken and len(found):
            found = found[iou(found, taken).max(1) < SAME_FACE]
        return found

    def propose(self, i, boxes):
        """Landmarks in the boxes of image `i`: shapes (n, L, 2), and the name of what proposes.

        A landmark without a proposal is NaN; without a trained model all are, before the first face
        is labelled.
        """
        rival = self._best or self._mean()
        if rival is None or not len(boxes):
            return np.full((len(boxes), self.session.scheme.n_points, 2), np.nan), ""
        grey = cv2.cvtColor(self.session.pixels(i), cv2.COLOR_BGR2GRAY)
        try:
            shapes, _ = rival.propose(grey, boxes)
        except InputError:  # a box that the model cannot use, such as one outside the image
            shapes = np.full((len(boxes), self.session.scheme.n_points, 2), np.nan)
        return shapes, rival.name

    def reference(self):
        """The mean shape (L, 2) in the box frame, if known."""
        known = self._mean()
        if known is not None:
            return known.shape
        return None if self._trained is None else self._trained.mean

    def guess_box(self, i):
        """A box (4,) for an image without a detected face: at the usual place, or in the middle."""
        width, height = self.session.size(i)
        places = []
        for k, face in self.session.labelled():
            size = self.session.entries[k].size
            if size:
                x, y, side = box_placement(face.box)
                places.append((x / size[0], y / size[1], side / min(size)))
        x, y, side = np.median(places, 0) if places else (0.5, 0.5, _BOX_SHARE)
        half = side * min(width, height) / 2
        return np.array([x * width - half, y * height - half, x * width + half, y * height + half])

    def box_around(self, shape):
        """The box (4,) of landmarks (L, 2), by the usual relation of landmarks and boxes."""
        few = len(self.session.labelled()) < _ENOUGH and self._trained is None
        mean = None if few else self.reference()
        if mean is None:
            return tight_box(shape)
        return box_of(shape, mean)[0]

    def _mean(self):
        labelled = self.session.labelled()
        key = self.session.serial
        if labelled and self._template_of != key:
            self._template, self._template_of = Template(self.session.dataset()), key
        return self._template if labelled else None

    # ------------------------------------------------------------------------------ asking

    def _ask(self):
        """Measure the model's certainty on one more image; return whether there was one."""
        best = self._best
        if best is None:
            return False
        waiting = set(self.session.unlabelled())
        for i in [i for i in self._order if i in waiting][:_N_ASKED]:
            if self._spreads.get(i, (None,))[0] is best:
                continue
            spread = np.nan
            try:
                boxes = self.boxes(i)
                if len(boxes):
                    grey = cv2.cvtColor(self.session.pixels(i), cv2.COLOR_BGR2GRAY)
                    spreads = best.propose(grey, boxes[:1])[1]
                    spread = np.nan if spreads is None else float(spreads[0])
            except Exception as error:  # an image that cannot be read says so when it is opened
                if not isinstance(error, InputError):
                    self._failed(error)
            self._spreads[i] = best, spread
            return True
        return False

    def least_sure(self):
        """Indices of unlabelled images, largest spread first; images not yet measured are left out.

        Returns
        -------
        list of (int, float)
            Image and spread, in sides of the box.
        """
        waiting = set(self.session.unlabelled())
        known = [(i, s) for i, (_, s) in list(self._spreads.items()) if i in waiting and s == s]
        return sorted(known, key=lambda each: -each[1])

    def status(self):
        """The state of the model for the page, as plain values."""
        best = self._best or self._mean()
        n = len(self.session.labelled())
        rows = [{k: (v if v == v else None) for k, v in row.items()} for row in self.history]
        return {
            "by": best.name if best else "",
            "labelled": n,
            "left": max(0, FEWEST - n),
            "learned_from": self._learned_from if self.history else 0,
            "history": rows,
            "busy": self.busy,
            "message": self.message,
            "version": self.version,
            "unit": "distance of the outer eye corners"
            if self.session.scheme.eye_corners
            else "diagonal of the landmarks",
        }


def _held_out(parts, fit):
    """Mean error over the held-out faces of all folds."""
    shapes, truths = [], []
    for train, test in parts:
        rival = fit(train)
        shapes += [rival.propose(test.image(k), test.boxes[k])[0] for k in range(len(test))]
        truths.append(test)
    if not parts:
        return float("nan")
    return mean_error(np.concatenate(shapes), FaceDataset.concatenate(truths))
