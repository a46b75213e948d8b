"""The connections between the members of a training."""

import asyncio
import hmac

from features.errors import InputError
from features.messages import from_message, tidy, to_message

# Seconds to wait for a connection to be made, once its address is known.
_CONNECT = 30
# Seconds between two looks at whether the training was stopped.
_LOOK = 0.1


def share_of(n, rank, size):
    """The (start, stop) of n items in a row that member `rank` of `size` has.

    Examples
    --------
    >>> [share_of(7, rank, 3) for rank in range(3)]
    [(0, 2), (2, 4), (4, 7)]
    """
    return n * rank // size, n * (rank + 1) // size


class Lost(Exception):
    """A member that this one depends on is gone, or the training was stopped."""


class CommGroup:
    """The members of a training, each in a process of its own; see `features.workers.Workers`.

    Member 0 listens, the others connect to it. The connections belong to an event loop of the
    thread that trains, which runs only while something is sent or awaited: no other thread has to
    be woken for a message.

    Parameters
    ----------
    rank, size : int
    token : str
        What members know one another by.
    stopped : callable
        Whether the training was stopped, in words, or None.
    """

    def __init__(self, rank, size, token, stopped):
        self.rank, self.size = rank, size
        self.n_rounds = self.n_bytes = 0
        self._token, self._stopped = token, stopped
        self._loop = asyncio.new_event_loop()
        self._comms = {}
        self._listener = None
        self._everybody_is_here = asyncio.Event()

    # ------------------------------------------------------------------------------ connecting

    def listen(self, host, options):
        """Wait for connections at a free port of `host`, as "tcp://10.0.0.1"; the address.

        Parameters
        ----------
        host : str
        options : dict
            Of `distributed.comm.listen`: TLS, for example.
        """
        from distributed.comm import listen

        async def start():
            return await listen(f"{host}:0", self._welcome, deserialize=False, **options)

        self._listener = self._loop.run_until_complete(start())
        return self._listener.contact_address

    async def _welcome(self, comm):
        """Take a connection whose other end says which member it is."""
        try:
            hello = await asyncio.wait_for(comm.read(), _CONNECT)
            token, rank = hello["token"], hello["rank"]
            known = hmac.compare_digest(str(token).encode(), self._token.encode())
            if not known or rank not in range(1, self.size) or rank in self._comms:
                raise ValueError("no member of this training")
        except Exception:
            comm.abort()
            return
        self._comms[rank] = comm
        if len(self._comms) == self.size - 1:
            self._everybody_is_here.set()
        # The connection is closed when this function returns.
        await asyncio.Event().wait()

    def wait_for_all(self):
        """Wait until every other member has connected; for as long as the training goes on."""
        while self.size > 1 and not self._everybody_is_here.is_set():
            self._look()
            self._loop.run_until_complete(self._nap())

    async def _nap(self):
        try:
            await asyncio.wait_for(self._everybody_is_here.wait(), _LOOK)
        except TimeoutError:
            pass

    def connect(self, address, options):
        """Connect to member 0.

        Raises
        ------
        InputError
            If it cannot be reached.
        """
        from distributed.comm import connect

        async def meet():
            comm = await connect(address, timeout=_CONNECT, deserialize=False, **options)
            await comm.write({"token": self._token, "rank": self.rank})
            return comm

        try:
            self._comms[0] = self._loop.run_until_complete(meet())
        except (OSError, TimeoutError) as error:
            raise InputError(
                f"a worker cannot connect to another at {address} ({error}); workers must reach "
                "one another, see that no firewall is between them"
            ) from error

    # --------------------------------------------------------------------------------- rounds

    def share(self, n):
        """The (start, stop) of n items that are this member's: equal shares in a row."""
        return share_of(n, self.rank, self.size)

    def to_root(self, value):
        """What all members sent, in order of ranks, on member 0; None elsewhere."""
        self.n_rounds += 1
        if self.rank:
            self._run(self._send(0, to_message(value)))
            return None
        ranks = range(1, self.size)
        if not ranks:
            self._look()
            return [tidy(value)]
        return [tidy(value), *map(from_message, self._run(self._receive(ranks)))]

    def from_root(self, value):
        """What member 0 sent, on all members."""
        if self.rank:
            return from_message(self._run(self._receive([0]))[0])
        if self.size > 1:
            message = to_message(value)
            self._run(self._send_all({rank: message for rank in range(1, self.size)}))
        return tidy(value)

    def _run(self, coroutine):
        from distributed.comm import CommClosedError

        try:
            self._look()
            return self._loop.run_until_complete(coroutine)
        except (CommClosedError, OSError) as error:
            self._look()
            raise Lost(f"the connection to another worker broke ({error})") from error
        finally:
            coroutine.close()

    async def _send(self, rank, message):
        self.n_bytes += await self._comms[rank].write(message) or 0

    # One after the other: what others send waits in the buffers of their connections, and tasks of
    # the event loop would cost more than they save.

    async def _send_all(self, messages):
        for rank, message in messages.items():
            await self._send(rank, message)

    async def _receive(self, ranks):
        return [await self._comms[rank].read() for rank in ranks]

    def _look(self):
        why = self._stopped()
        if why:
            raise Lost(why)

    # ------------------------------------------------------------------------------- the end

    def stop(self):
        """Break all connections; from any thread. Who waits for a message gets `Lost`."""
        try:
            self._loop.call_soon_threadsafe(self._abort)
        except RuntimeError:  # the loop is closed: so are they
            pass

    def _abort(self):
        for comm in self._comms.values():
            comm.abort()

    def close(self):
        """Close all connections, after what was sent has left."""
        try:
            self._loop.run_until_complete(self._end())
        finally:
            self._loop.close()

    async def _end(self):
        if self._listener is not None:
            self._listener.stop()
        for comm in self._comms.values():
            try:
                await asyncio.wait_for(comm.close(), 2)
            except (OSError, TimeoutError):
                comm.abort()
        waiting = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
