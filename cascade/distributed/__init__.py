"""Training over the workers of a Dask cluster.

Each worker runs one long task, a *member* of the training. Members hold some of the faces, run the
same code, and ask one another for sums and decisions (`features.workers`): a few hundred bytes to
100 kB, thousands of times. Such a round takes longer by way of Dask's scheduler than its work, so
members talk to member 0 directly, over connections of Dask's own kind (`distributed.comm`).

- `cluster`: which client and which workers
- `running`: in the caller's process; starts the members, hears of them, and ends them all if one
  is lost
- `member`: in the worker's process; what runs there
- `group`: the connections between members
- `malloc`: memory that is freed, and kept for the next array
"""
