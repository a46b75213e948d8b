"""Several members of a training in one process: threads that meet at a barrier.

    def train(group):
        with Workers(1, group) as workers:
            first, stop = workers.share(len(rows))
            return workers.total(rows[first:stop].sum(0))

    answers = run_members(train, [3, 0, 5])   # shares of the rows: uneven, one empty

What is sent goes through `features.messages`, as between machines.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate

from features.messages import from_message, to_message


class ThreadGroup:
    """One of several members that are threads of this process."""

    def __init__(self, rank, weights, table, barrier):
        self.rank, self.size = rank, len(weights)
        self._ends = [0, *accumulate(weights)]
        self._table, self._barrier = table, barrier
        self.n_rounds = 0

    def share(self, n):
        """Cuts at the cumulative weights of the members, rounded down."""
        start, stop = (n * end // self._ends[-1] for end in self._ends[self.rank :][:2])
        return start, stop

    def _meet(self, value):
        """What every member brought; none goes on before all have read it."""
        self.n_rounds += 1
        self._table[self.rank] = to_message(value)
        self._barrier.wait(60)
        found = list(self._table)
        self._barrier.wait(60)
        return found

    def to_root(self, value):
        found = self._meet(value)
        return [from_message(message) for message in found] if self.rank == 0 else None

    def from_root(self, value):
        return from_message(self._meet(value)[0])


def run_members(function, weights):
    """``function(group)`` in a thread for every member: the list of what they returned.

    Parameters
    ----------
    function : callable
    weights : list of int
        Relative sizes of the members' shares; 0 is an empty one.

    Raises
    ------
    Exception
        The first that a member raised of its own.
    """
    table, barrier = [None] * len(weights), threading.Barrier(len(weights))

    def run(rank):
        try:
            return function(ThreadGroup(rank, weights, table, barrier))
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(len(weights)) as pool:
        futures = [pool.submit(run, rank) for rank in range(len(weights))]
    errors = [future.exception() for future in futures]
    own = [e for e in errors if e and not isinstance(e, threading.BrokenBarrierError)]
    if own or any(errors):
        raise own[0] if own else next(filter(None, errors))
    return [future.result() for future in futures]
