"""numba's `njit` with a cache on disk whose faults are logged and never raised."""

import logging
from functools import cache as once
from pathlib import Path

import numba
from numba.core.caching import FunctionCache

_log = logging.getLogger(__name__)


@once
def _tell(problem, remedy):
    """Log each problem once a process; a warning could be turned into an error, and stop us."""
    _log.warning("%s, so kernels are compiled anew; %s", problem, remedy)


def _root(folder):
    """The folder of all packages' caches: one message is enough for all of them."""
    chosen = numba.config.CACHE_DIR
    return chosen or str(Path(folder).parent)


class GuardedCache(FunctionCache):
    """numba's cache of one function; damaged files or a full disk do not raise."""

    def load_overload(self, sig, target_context):
        """The compiled code for a signature; None where there is none or the file is damaged."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever unpickling stumbles over
            problem = "cannot be read" if isinstance(error, OSError) else "is damaged"
            _tell(
                f"compiled code in {_root(self.cache_path)} {problem} ({type(error).__name__})",
                "if this comes again, delete the folder",
            )
            try:
                self.flush()
            except OSError:
                self.disable()
            return None

    def save_overload(self, sig, data):
        """Save compiled code, if the folder can be written to."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            self.disable()
            _tell(
                f"compiled code cannot be kept in {_root(self.cache_path)} "
                f"({error.strerror or error})",
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
                    f"compiled code cannot be kept: neither {Path(__file__).parents[1]} nor the "
                    "user's cache folder can be written",
                    "name another folder in the environment variable NUMBA_CACHE_DIR",
                )
        return dispatcher

    return compiled
