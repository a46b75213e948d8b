"""Which Dask client and which workers a training runs on."""

import hashlib
import platform
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from features.errors import InputError, require_count

from .._version import __version__

# Seconds to wait for a first worker, and for the answer of a scheduler.
_PATIENCE = 30
_MISSING = "distributed is not installed; run: pip install 'cascade-align[dask]'"


def find_client(client):
    """The Dask client that is meant.

    Parameters
    ----------
    client : distributed.Client or True
        True stands for the active client, which was made or entered last.

    Raises
    ------
    InputError
        If it is something else, there is no active client, or it is closed or asynchronous.
    """
    try:
        from distributed import Client, default_client
    except ImportError as error:
        raise InputError(_MISSING) from error
    if client is True:
        try:
            client = default_client()
        except ValueError as error:
            raise InputError(
                "client is True, but there is no active Dask client; make one first: "
                "distributed.Client(ADDRESS)"
            ) from error
    if not isinstance(client, Client):
        raise InputError(
            f"client must be a distributed.Client, or True, not {type(client).__name__}"
        )
    if client.asynchronous:
        raise InputError("client is asynchronous; make one with distributed.Client(ADDRESS)")
    if client.status != "running":
        raise InputError(f"client is not connected to a scheduler ({client.status}); make another")
    return client


def workers_of(client):
    """Addresses of all workers, after they were found to run this very toolkit.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If there is no worker, or one has another version of the toolkit or of Python, or none.
    """
    from distributed import TimeoutError as NoWorkers

    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
    except (NoWorkers, TimeoutError) as error:
        raise InputError("the Dask cluster has no worker; start one: dask worker") from error
    addresses = sorted(client.nthreads())
    ours = facts()
    answers = client.run(facts, workers=addresses, on_error="return")
    for address, theirs in answers.items():
        if isinstance(theirs, ImportError | AttributeError):
            raise InputError(
                f"worker {address} cannot run cascade-align {__version__} ({theirs}); install the "
                "same version there"
            )
        if isinstance(theirs, BaseException):
            raise InputError(f"worker {address} does not answer ({theirs!r}); restart it")
        for name, value in ours.items():
            if theirs.get(name) != value:
                raise InputError(
                    f"worker {address} has {name} {theirs.get(name)}, but it is {value} here; "
                    "install the same version there"
                )
    return addresses


def facts():
    """What must be alike on all machines, by name."""
    return {
        "cascade-align": __version__,
        "source of cascade-align": _digest_of_sources(),
        "Python": ".".join(platform.python_version_tuple()[:2]),
    }


@cache
def _digest_of_sources():
    """A short digest of the toolkit's own files: a checkout may differ under the same version."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for folder in (package, *(package.parent / name for name in ("features", "data_tools"))):
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.relative_to(package.parent).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def open_client(where, threads=None):
    """A client, for as long as a context lasts.

    Parameters
    ----------
    where : str
        Address of a scheduler, a scheduler file, or ``local:N`` for a cluster of N processes on
        this machine.
    threads : int, optional
        Threads of each worker of ``local:N``; without it, the cores divided by N.

    Raises
    ------
    InputError
        If it is none of these, or no scheduler answers there.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise InputError(_MISSING) from error
    kind, _, count = where.partition(":")
    if kind == "local":
        if not count.isdecimal():
            raise InputError(f"{where}: local:N wants a number of workers, as local:2")
        require_count("the number of local workers", int(count), 1, 1000)
        with LocalCluster(
            n_workers=int(count), threads_per_worker=threads, processes=True,
            dashboard_address=":0",
        ) as cluster, Client(cluster) as client:  # fmt: skip
            yield client
        return
    if "://" not in where and not Path(where).is_file():
        raise InputError(
            f"{where}: neither an address such as tcp://10.0.0.1:8786, nor a scheduler file, nor "
            "local:N"
        )
    to = {"address": where} if "://" in where else {"scheduler_file": where}
    try:
        client = Client(**to, timeout=_PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(f"{where}: no Dask scheduler answers there ({error})") from error
    with client:
        yield client
