"""numba's `njit` for our kernels, with a cache of compiled code that cannot stop a program."""

import warnings

import numba
from numba.core.caching import FunctionCache


class CacheWarning(UserWarning):
    """Compiled code cannot be kept or read; all works, but kernels are compiled anew."""


_told = set()


def _tell(folder, problem, remedy):
    """Warn once for each folder."""
    if folder not in _told:
        _told.add(folder)
        warnings.warn(
            f"{folder}: {problem}, so kernels are compiled anew; {remedy}", CacheWarning, 3
        )


class GuardedCache(FunctionCache):
    """numba's cache of one function, whose files may be damaged, or have no room."""

    def load_overload(self, sig, target_context):
        """The compiled code for a signature, or None, whatever the files hold."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever unpickling stumbles over
            _tell(
                self.cache_path,
                f"compiled code kept there is damaged ({type(error).__name__})",
                "if this comes again, delete the folder",
            )
            try:
                self.flush()
            except OSError:
                self.disable()
            return None

    def save_overload(self, sig, data):
        """Keep compiled code, if the folder takes it."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            self.disable()
            _tell(
                self.cache_path,
                f"compiled code cannot be kept there ({error.strerror or error})",
                "make room, or name another folder in the environment variable NUMBA_CACHE_DIR",
            )


def njit(*, cache, **options):
    """As `numba.njit`, and with ``cache=True`` through a `GuardedCache`."""

    def compiled(function):
        dispatcher = numba.njit(**options)(function)
        if cache:
            try:
                dispatcher._cache = GuardedCache(function)
            except RuntimeError:  # no folder that can be written
                _tell(
                    "numba's cache",
                    "no folder for compiled code can be written",
                    "name one in the environment variable NUMBA_CACHE_DIR",
                )
        return dispatcher

    return compiled
