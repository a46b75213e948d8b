"""Photographs without faces: which of them training may see, and which it holds back."""


def held_back(files):
    """Every third of the files by sorted name, beginning with the third: never trained on.

    Parameters
    ----------
    files : iterable of Path or str

    Returns
    -------
    list
        Sorted by file name.

    Examples
    --------
    >>> held_back(["d.jpg", "a.jpg", "f.jpg", "c.jpg", "b.jpg", "e.jpg"])
    ['c.jpg', 'f.jpg']
    """
    return _sorted(files)[2::3]


def to_train_on(files):
    """The other two thirds; see `held_back`."""
    return [file for k, file in enumerate(_sorted(files)) if k % 3 != 2]


def _sorted(files):
    return sorted(files, key=lambda file: str(file).replace("\\", "/").rpartition("/")[2])
