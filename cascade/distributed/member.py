"""What runs in a worker's process: the long task of a member, and what the caller asks meanwhile.

The task publishes the address of member 0 and what there is to tell in `_TRAININGS`; `news`, `tell`
and `stop` are run on the worker by the caller, beside the task.
"""

import sys
import threading
import time
from dataclasses import dataclass, field

from features.errors import InputError

from .group import CommGroup, Lost
from .malloc import kept_memory

try:
    import resource
except ImportError:  # Windows
    resource = None

# Seconds without a question from the caller after which it is taken to be dead.
_LEASE = 90
# Seconds between two looks for the address of member 0.
_LOOK = 0.02


@dataclass(frozen=True)
class Failure:
    """Why a member ended early.

    Attributes
    ----------
    text : str
    cause : str
        "input" if it is the user's to mend, "lost" if another member or the caller was lost, else
        "error".
    """

    text: str
    cause: str


@dataclass
class _Training:
    """A training as this process knows it."""

    group: CommGroup | None = None
    address: str | None = None
    why_stopped: str | None = None
    told: list = field(default_factory=list)
    heard: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stopped(self):
        """Why it is to end, or None."""
        if self.why_stopped is None and time.monotonic() - self.heard > _LEASE:
            self.why_stopped = "the process that asked for this training is gone"
        return self.why_stopped

    def post(self, name, *values):
        """Tell the caller something. Of several "tick" in a row the last is kept."""
        with self.lock:
            if name == "tick" and self.told and self.told[-1][0] == "tick":
                self.told.pop()
            self.told.append((name, *values))

    def taken(self):
        """What there is to tell since the last time."""
        with self.lock:
            told, self.told = self.told, []
        return told


# By (token, rank): several members may live in one process.
_TRAININGS = {}
_LOCK = threading.Lock()


def _training(token, rank):
    with _LOCK:
        return _TRAININGS.setdefault((token, rank), _Training())


def news(token, rank, address=None):
    """What a member has to tell; and, from then on, where member 0 is.

    Parameters
    ----------
    token : str
    rank : int
    address : str, optional
        Of member 0, for the others.

    Returns
    -------
    address : str or None
        Where the member listens, if it does.
    told : list of tuple
        What it posted since it was asked last.
    """
    with _LOCK:
        training = _TRAININGS.get((token, rank))
    if training is None:  # not begun, or at its end
        return None, []
    training.heard = time.monotonic()
    if address is not None:
        training.address = address
    return training.address, training.taken()


def stop(token, rank, why):
    """End a member's task at the next message."""
    with _LOCK:
        training = _TRAININGS.get((token, rank))
    if training is not None:
        training.why_stopped = why
        if training.group is not None:
            training.group.stop()


def run(function, argument, own, token, rank, size):
    """The task of one member: ``function(group, threads, post, argument, own)``.

    Parameters
    ----------
    function : callable
        `group` is for `features.workers.Workers`, `threads` the number of threads that the worker
        has for a task, and ``post(name, *values)`` tells the caller something.
    argument : object
        The same for all members.
    own : object
        For this member alone.
    token : str
    rank, size : int

    Returns
    -------
    value : object
        What the function returned, or a `Failure`.
    told : list of tuple
        What was posted and not yet asked for.
    facts : dict
        `rounds`, `bytes` sent, `seconds` and `cpu_s` (of the process) of this member, and
        `peak_mib`, the most memory that its process has had.
    """
    from distributed import get_worker, secede

    worker = get_worker()
    # Leave the slot to others: members of two trainings that wait for one another's slots would
    # wait for ever.
    secede()
    training = _training(token, rank)
    group = training.group = CommGroup(rank, size, token, training.stopped)
    began, cpu = time.monotonic(), time.process_time()
    try:
        _meet(group, training, worker)
        with kept_memory():
            value = function(group, worker.state.nthreads, training.post, argument, own)
    except Lost as error:
        value = Failure(str(error), "lost")
    except InputError as error:
        value = Failure(str(error), "input")
    except Exception as error:
        value = Failure(f"{type(error).__name__}: {error}", "error")
    finally:
        with _LOCK:
            _TRAININGS.pop((token, rank), None)
        group.close()
    facts = {
        "rounds": group.n_rounds,
        "bytes": group.n_bytes,
        "seconds": time.monotonic() - began,
        "cpu_s": time.process_time() - cpu,
        "peak_mib": _peak_mib(),
    }
    return value, training.taken(), facts


def _peak_mib():
    """Peak resident memory of this process, None where it is not known."""
    if resource is None:
        return None
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _meet(group, training, worker):
    """Connect this member with the others: member 0 listens where its Dask worker does."""
    if group.size == 1:
        return
    if group.rank == 0:
        host, options = _host(worker), worker.security.get_listen_args("worker")
        training.address = group.listen(host, options)
        group.wait_for_all()
        return
    while training.address is None:
        if training.stopped():
            raise Lost(training.stopped())
        time.sleep(_LOOK)
    group.connect(training.address, worker.security.get_connection_args("worker"))


def _host(worker):
    """Protocol and host of a worker's own address."""
    from distributed.comm import get_address_host

    protocol = worker.address.partition("://")[0]
    if protocol == "inproc":  # workers that are threads of one process
        return "tcp://127.0.0.1"
    host = get_address_host(worker.address)
    return f"{protocol}://[{host}]" if ":" in host else f"{protocol}://{host}"
