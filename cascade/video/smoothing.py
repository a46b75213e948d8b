"""Steady landmarks while a face rests, no lag while it moves."""

import math

import numpy as np

from features.geometry import inverse, rotate, similarity


class OneEuroFilter:
    """Low-pass filter whose cut-off rises with speed (Casiez, Roussel & Vogel 2012).

    Parameters
    ----------
    min_cutoff : float
        Cut-off at rest in Hz; lower is steadier.
    beta : float
        Cut-off gained for each unit a second of speed; higher lags less.
    speed_cutoff : float
        Cut-off in Hz of the filter that the speed itself goes through.

    Examples
    --------
    >>> smooth = OneEuroFilter(min_cutoff=1.0, beta=0.0)
    >>> [round(float(smooth(np.array(x), 0.1)), 3) for x in (0.0, 1.0, 1.0)]
    [0.0, 0.386, 0.623]
    """

    def __init__(self, min_cutoff=1.5, beta=40.0, speed_cutoff=1.0):
        self.min_cutoff = min_cutoff
        self.beta = beta
        self.speed_cutoff = speed_cutoff
        self._value = None
        self._speed = 0.0

    def __call__(self, values, seconds, unit=1.0):
        """The filtered values.

        Parameters
        ----------
        values : ndarray of shape (..., d)
            Points: a point's coordinates share one speed, so it is not pulled towards an axis.
        seconds : float
            Since the last call; above 0.
        unit : float
            Length of the values that counts as one in a speed, such as the side of the face.

        Returns
        -------
        ndarray of the same shape, float64
        """
        values = np.asarray(values, np.float64)
        if self._value is None:
            self._value = values
            return values
        speed = (values - self._value) / seconds
        self._speed = self._speed + _weight(self.speed_cutoff, seconds) * (speed - self._speed)
        pace = np.linalg.norm(np.atleast_1d(self._speed), axis=-1, keepdims=values.ndim > 0)
        cutoff = self.min_cutoff + self.beta * pace / unit
        self._value = self._value + _weight(cutoff, seconds) * (values - self._value)
        return self._value


class FaceSmoother:
    """Smooths the motion of a face as a whole, and what its landmarks do besides, apart.

    The motion of the face is a similarity estimated from all landmarks, so it has little jitter and
    is smoothed weakly. The remaining motion of each landmark in the frame of the face (expression
    and noise) is small and has most of the jitter, so it is smoothed strongly. All lengths are in
    sides of the face, so the parameters hold for a face of any size.

    Parameters
    ----------
    motion : tuple of float
        ``min_cutoff`` in Hz, ``beta`` in Hz a side (or radian, or e-fold of the size) a second, and
        ``speed_cutoff`` in Hz of the `OneEuroFilter` for place, angle and size.
    shape : tuple of float
        The same for the landmarks in the frame of the face.
    """

    MOTION = (1.0, 60.0, 2.0)
    SHAPE = (0.5, 30.0, 2.0)

    def __init__(self, motion=MOTION, shape=SHAPE):
        self._place, self._turn = OneEuroFilter(*motion), OneEuroFilter(*motion)
        self._rest = OneEuroFilter(*shape)
        self._reference = None
        self._angle = 0.0

    def __call__(self, shape, seconds):
        """The smoothed landmarks of the next frame.

        Parameters
        ----------
        shape : ndarray of shape (L, 2)
            In pixels.
        seconds : float
            Since the last call; above 0.

        Returns
        -------
        ndarray of shape (L, 2), float32
        """
        shape = np.asarray(shape, np.float64)
        if self._reference is None:
            centred = shape - shape.mean(0)
            self._reference = centred / max(_size(centred), 1e-9)
        linear, shift = similarity(self._reference[None], shape[None])
        linear, shift = linear.astype(np.float64)[0], shift.astype(np.float64)[0]
        side = max(float(np.hypot(*linear)), 1e-9)
        # The angle nearest to the last one: a head that goes over 180° does not spin back.
        angle = math.atan2(linear[1], linear[0])
        self._angle += math.remainder(angle - self._angle, 2 * math.pi)
        rest = rotate((shape - shift)[None], inverse(linear[None]))[0] - self._reference
        place = self._place(shift, seconds, unit=side)
        turn = self._turn(np.array([[self._angle], [math.log(side)]]), seconds)
        rest = self._rest(rest, seconds)
        side = math.exp(turn[1, 0])
        linear = side * np.array([[math.cos(turn[0, 0]), math.sin(turn[0, 0])]])
        moved = rotate((self._reference + rest)[None], linear)[0] + place
        return moved.astype(np.float32)


def _size(centred):
    """Side of the box around centred landmarks."""
    return float(np.sqrt(np.prod(np.ptp(centred, axis=0))))


def _weight(cutoff, seconds):
    """Weight of a new value in an exponential mean with that cut-off."""
    step = 2 * math.pi * cutoff * seconds
    return step / (step + 1)
