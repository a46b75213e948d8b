"""Runs detectors over the same photographs: one thread, in alternating order."""

import time
from dataclasses import dataclass, field

import numpy as np

from data_tools.corrections import BoxCorrection, fit_found

from ..timing import one_thread, warm_up
from .curves import curve
from .matching import match

#: Intersection over union at which a box counts as a face.
OVERLAP = 0.5


@dataclass
class Found:
    """The boxes of a detector on a set of scenes.

    Attributes
    ----------
    boxes : list of ndarray of shape (k, 4), float64
        Uncorrected boxes of each photograph.
    scores : list of ndarray of shape (k,), float64
    cpu_seconds : ndarray of shape (n,), float64
        CPU time of each search, from the decoded grey image.
    """

    boxes: list = field(default_factory=list)
    scores: list = field(default_factory=list)
    cpu_seconds: np.ndarray | None = None


def search_all(peers, scenes, progress=None):
    """Run every detector on every photograph, on one thread.

    The order of the detectors rotates from photograph to photograph, so that load on the machine or
    a warm cache favours none.

    Parameters
    ----------
    peers : list of Peer
    scenes : Scenes
    progress : callable, optional
        Called as ``progress(done, total)`` after each photograph.

    Returns
    -------
    dict of str to Found
        By the labels of the detectors.
    """
    found = {peer.label: Found(cpu_seconds=np.zeros(len(scenes))) for peer in peers}
    with one_thread():
        for i in range(len(scenes)):
            image = scenes.image(i)
            for k in range(len(peers)):
                peer = peers[(i + k) % len(peers)]
                if i == 0:
                    warm_up(lambda peer=peer, image=image: peer.detector.search(image))
                began = time.process_time()
                boxes, scores = peer.detector.search(image)
                mine = found[peer.label]
                mine.cpu_seconds[i] = time.process_time() - began
                mine.boxes.append(np.asarray(boxes, np.float64).reshape(-1, 4))
                mine.scores.append(np.asarray(scores, np.float64).reshape(-1))
            if progress is not None:
                progress(i + 1, len(scenes))
    return found


@dataclass
class Judgement:
    """The results of detectors on several sets of scenes.

    Attributes
    ----------
    peers : list of Peer
    sets : list of Scenes
    found : list of dict of str to Found
        For each set, by detector.
    fits : dict of (str, str) to DetectorFit or None
        By detector and convention of the annotated boxes: the correction between the two.
    measured_on : dict of str to str
        By convention: the faces on which the corrections were measured.
    overlap : float
    """

    peers: list
    sets: list
    found: list
    fits: dict
    measured_on: dict
    overlap: float = OVERLAP

    def correction(self, label, convention):
        """The correction from a detector's boxes to the annotated ones.

        It changes nothing if the detector found no face.
        """
        fit = self.fits.get((label, convention))
        return BoxCorrection() if fit is None else fit.correction

    def matchings(self, k, label, corrected=True):
        """The `Matching` of each photograph of set `k`."""
        scenes, found = self.sets[k], self.found[k][label]
        correction = self.correction(label, scenes.convention) if corrected else None
        return [
            match(boxes if correction is None else correction.apply(boxes), scores, faces, ignored,
                  self.overlap)
            for boxes, scores, faces, ignored in zip(
                found.boxes, found.scores, scenes.faces, scenes.ignored, strict=True
            )
        ]  # fmt: skip

    def curve(self, k, label, corrected=True):
        """The `Curve` of a detector on set `k`."""
        matchings = self.matchings(k, label, corrected)
        scores = np.concatenate([np.zeros(0), *self.found[k][label].scores])
        verdicts = np.concatenate([np.zeros(0, np.int8), *(m.verdicts for m in matchings)])
        return curve(scores, verdicts, self.sets[k].n_faces, len(self.sets[k]))

    def faces_found(self, k, label):
        """Whether each face of set `k` is found: one array (n,), bool, in the order of the set."""
        parts = [np.zeros(0, bool)]
        for faces, matching in zip(self.sets[k].faces, self.matchings(k, label), strict=True):
            there = np.zeros(len(faces), bool)
            there[matching.face[matching.face >= 0]] = True
            parts.append(there)
        return np.concatenate(parts)


def judge(peers, sets, calibration=None, *, overlap=OVERLAP, progress=None):
    """Evaluate detectors on several sets of scenes.

    Detectors draw different boxes around the same face, so boxes are corrected before they are
    matched. The `BoxCorrection` of each detector is measured on `calibration`, or on the evaluated
    faces themselves if `calibration` is missing or has boxes of another convention; with three
    numbers and hundreds of faces, overfitting is negligible.

    Parameters
    ----------
    peers : list of Peer
        See `open_detectors`.
    sets : list of Scenes
    calibration : Scenes, optional
        Photographs with faces that are not part of the evaluation.
    overlap : float
        Intersection over union at which a box counts as a face.
    progress : callable, optional
        Called as ``progress(text)`` before each set, and returns what `search_all` takes.

    Returns
    -------
    Judgement
    """
    tell = progress or (lambda text: None)
    found = [search_all(peers, each, tell(f"searching {each.name}")) for each in sets]
    fits, measured_on = {}, {}
    for convention in dict.fromkeys(each.convention for each in sets if each.n_faces):
        if calibration is not None and calibration.convention == convention:
            pairs = [(calibration, search_all(peers, calibration, tell("measuring boxes")))]
        else:
            pairs = [(each, mine) for each, mine in zip(sets, found, strict=True)
                     if each.convention == convention]  # fmt: skip
            # Whole faces in their own surroundings, where there are some.
            pairs = [pair for pair in pairs if pair[0].kind != "collages"] or pairs
        measured_on[convention] = ", ".join(scenes.name for scenes, _ in pairs)
        for peer in peers:
            fits[peer.label, convention] = _fit(pairs, peer.label)
    return Judgement(peers, list(sets), found, fits, measured_on, overlap)


def _fit(pairs, label):
    """The `DetectorFit` of a detector over the faces of several sets."""
    boxes, targets = [], []
    for scenes, found in pairs:
        for mine, faces in zip(found[label].boxes, scenes.faces, strict=True):
            for face in faces:
                boxes.append(mine)
                targets.append(face)
    return fit_found(boxes, targets) if targets else None
