"""Members of a training on the workers of a cluster, as the caller sees them."""

import contextlib
import threading
import time
import uuid

from features.errors import InputError

from . import member
from .cluster import workers_of

# Seconds between two questions to member 0, at first and at most.
_SOON, _LATER = 0.02, 0.5
# Seconds between two looks at what is known here without asking.
_TICK = 0.005
# Seconds between two questions to the other members, whose tasks end if nobody asks.
_ASK_ALL = 20
# Seconds that the scheduler or a worker may take to answer.
_ANSWER = 15
# Seconds that the other members have to end after one did.
_GRACE = 3


def run_on_workers(client, function, argument, owns, hear, name="training"):
    """Run ``function(group, threads, post, argument, own)`` as a member on every worker.

    Parameters
    ----------
    client : distributed.Client
    function, argument
        See `cascade.distributed.member.run`; the workers import the function.
    owns : callable
        ``owns(k, n)`` is what member k of n alone is given, or None; sent from here to its worker.
    hear : callable
        Called here with what member 0 posts: ``hear(name, *values)``.
    name : str
        What the Dask dashboard calls the tasks.

    Returns
    -------
    value : object
        What the function returned on member 0.
    facts : list of dict
        Of each member: `worker`, and what `cascade.distributed.member.run` tells.

    Raises
    ------
    InputError
        If the cluster cannot be used, a member failed, a worker was lost, or the scheduler.
    """
    members = _Members(client, function, argument, owns, name)
    try:
        return members.follow(hear)
    except BaseException as error:
        why = "it was interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        members.stop(why)
        raise


class _Members:
    def __init__(self, client, function, argument, owns, name):
        self.client, self.token, self._asked_all = client, uuid.uuid4().hex, 0.0
        self.addresses = workers_of(client)
        n = len(self.addresses)
        shared = _sent(client, argument, self.addresses)
        self.futures = [
            client.submit(
                member.run, function, shared,
                _sent(client, owns(rank, n), [address], direct=True), self.token, rank, n,
                key=f"cascade {name}-{self.token}-{rank}", workers=[address],
                allow_other_workers=False, pure=False, retries=0,
            )
            for rank, address in enumerate(self.addresses)
        ]  # fmt: skip

    def follow(self, hear):
        """Wait for the end, and hear what there is to hear."""
        asked, pause, introduced = 0.0, _SOON, False
        done = {}
        while len(done) < len(self.futures):
            self._wait(done, pause)
            pause = min(_LATER, 1.5 * pause)
            self._collect(done)
            if any(isinstance(value, member.Failure) for value, _, _ in done.values()):
                self._raise(done)
            if len(done) < len(self.futures) and time.monotonic() - asked > pause:
                self._look_after_workers()
                if 0 not in done:
                    address, told = self._ask(0)
                    self._hear(hear, told)
                    if address is not None and not introduced:
                        introduced = self._introduce(address, done)
                asked = time.monotonic()
                self._keep_alive(asked)
        value, told, _ = done[0]
        self._hear(hear, told)
        facts = [{"worker": address, **done[k][2]} for k, address in enumerate(self.addresses)]
        return value, facts

    # ------------------------------------------------------------------------- questions, answers

    def _hear(self, hear, told):
        for name, *values in told:
            hear(name, *values)

    def _ask(self, rank, address=None):
        """What a member has to tell."""
        worker = self.addresses[rank]
        found = self._answer(
            lambda: self.client.run(
                member.news, self.token, rank, address, workers=[worker], on_error="return"
            )
        )
        answer = found.get(worker)
        if answer is None or isinstance(answer, BaseException):
            raise InputError(self._lost(worker))
        return answer

    def _introduce(self, address, done):
        """Tell the other members where member 0 is; whether all have begun and know it."""
        others = [k for k in range(1, len(self.futures)) if k not in done]
        return all(self._ask(rank, address)[0] == address for rank in others)

    def _keep_alive(self, now):
        """Ask the other members, too, once in a while: they end if nobody does."""
        if now - self._asked_all < _ASK_ALL:
            return
        self._asked_all = now
        for rank in range(1, len(self.futures)):
            if not self.futures[rank].done():
                self._ask(rank)

    def _look_after_workers(self):
        """Notice workers, or a scheduler, that are gone."""
        alive = self._answer(self.client.nthreads)
        for k, address in enumerate(self.addresses):
            if address not in alive and not self.futures[k].done():
                raise InputError(self._lost(address))

    def _answer(self, function):
        """``function()`` in time.

        In a thread of its own: questions to a scheduler that is gone may wait for ever.
        """
        box = []

        def ask():
            try:
                box.append((function(), None))
            except Exception as error:
                box.append((None, error))

        thread = threading.Thread(target=ask, daemon=True)
        began = time.monotonic()
        thread.start()
        while thread.is_alive():
            thread.join(0.5)
            waited = time.monotonic() - began
            if waited > _ANSWER or (waited > 3 and self.client.status != "running"):
                raise InputError(self._no_scheduler("it does not answer"))
        value, error = box[0]
        if error is not None:
            raise InputError(self._no_scheduler(error)) from error
        return value

    def _no_scheduler(self, why):
        return (
            f"the Dask scheduler or a worker was lost ({why}); start the cluster again and resume "
            "from the checkpoint, if there is one"
        )

    def _lost(self, address):
        return (
            f"worker {address} was lost in the middle of the training; resume from the checkpoint, "
            "if there is one, on the workers that are left"
        )

    # ---------------------------------------------------------------------------------- the end

    def _wait(self, done, seconds):
        """Wait for the end of one more member, but not longer."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if any(future.done() for k, future in enumerate(self.futures) if k not in done):
                return
            time.sleep(_TICK)

    def _collect(self, done):
        for k, future in enumerate(self.futures):
            if k not in done and future.done():
                done[k] = self._result(k, future)

    def _result(self, k, future):
        if future.status == "finished":
            return future.result()
        if future.status in ("cancelled", "lost"):
            text = self._no_scheduler(f"the task was {future.status}")
        else:
            error = future.exception()
            text = f"worker {self.addresses[k]}: {type(error).__name__}: {error}"
        return member.Failure(text, "gone"), [], {}

    def _raise(self, done):
        """Raise what made the first member fail, after the others had time to fail of it."""
        deadline = time.monotonic() + _GRACE
        alive = set(self.addresses)
        while time.monotonic() < deadline:
            self._collect(done)
            alive = set(self._answer(self.client.nthreads))
            if len(done) == len(self.futures) or not alive.issuperset(self.addresses):
                break
            if any(self._cause(done, k) in ("input", "error", "gone") for k in done):
                break
            time.sleep(0.05)
        for cause in ("input", "error", "lost worker", "gone"):
            for k, address in enumerate(self.addresses):
                if cause == "lost worker" and address not in alive:
                    raise InputError(self._lost(address))
                if self._cause(done, k) == cause:
                    text = done[k][0].text
                    if cause == "error":
                        text = f"training failed on worker {address}: {text}"
                    raise InputError(text)
        unheard = [address for k, address in enumerate(self.addresses) if k not in done]
        raise InputError(self._lost((unheard or self.addresses)[0]))

    @staticmethod
    def _cause(done, k):
        value = done[k][0] if k in done else None
        return value.cause if isinstance(value, member.Failure) else None

    def stop(self, why):
        """End all members that still run, as far as they can be reached."""
        with contextlib.suppress(Exception):
            self.client.cancel(self.futures, force=True)
        if self.client.status != "running":
            return
        for rank, address in enumerate(self.addresses):
            if not self.futures[rank].status == "finished":
                with contextlib.suppress(InputError):
                    self._answer(
                        lambda rank=rank, address=address: self.client.run(
                            member.stop, self.token, rank, why, workers=[address],
                            on_error="ignore",
                        )
                    )  # fmt: skip


def _sent(client, value, addresses, direct=None):
    """A value where it is needed, as an argument of tasks there; None as it is."""
    if value is None:
        return None
    try:
        # In a list: the parts of a tuple would be sent one by one.
        (future,) = client.scatter(
            [value], workers=addresses, broadcast=len(addresses) > 1, direct=direct, hash=False
        )
        return future
    except (OSError, TimeoutError) as error:
        raise InputError(
            f"worker {addresses[0]} cannot be reached from here ({error}), so nothing can be sent "
            "to it; train on image files that the workers can read, or from a store"
        ) from error
