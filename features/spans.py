"""A loop over samples, whole or shared out among threads."""


def over_spans(function, n, workers=None, tile=1):
    """Call ``function((start, stop))`` until all of range(n) is done.

    Parameters
    ----------
    function : callable
    n : int
    workers : features.workers.Workers, optional
        Each of its threads takes a span; without it, one call does all.
    tile : int
        Spans begin at multiples of it.

    Examples
    --------
    >>> over_spans(print, 3)
    (0, 3)
    """
    if workers is None:
        function((0, n))
    else:
        workers.map(function, workers.ranges(n, tile))
