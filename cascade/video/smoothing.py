"""The One Euro filter: steady landmarks while a face rests, no lag while it moves."""

import math

import numpy as np


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


def _weight(cutoff, seconds):
    """Weight of a new value in an exponential mean with that cut-off."""
    step = 2 * math.pi * cutoff * seconds
    return step / (step + 1)
