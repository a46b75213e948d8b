"""Training over Dask workers on this machine: wall time, bytes sent and memory a worker.

    python examples/benchmarks/dask_workers.py DATA [--share 0.05]
    python examples/benchmarks/dask_workers.py synthetic --faces 60 --trees 20 --workers 2

DATA is the folder that holds ``300w/`` and ``imm/``, or the word `synthetic`. ERT is trained on one
and two threads of this process, and on clusters of 1, 2 and 4 processes of one thread, which read
their crops from a store on disk; every model must be the same to the byte. A second training of
each is measured, after the first has compiled the kernels. With more processes than cores, wall
time tells of the cores, not of the method: the time of a round is the figure to look at. From it
and the CPU time, the script computes what more machines would do.
"""

import contextlib
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from common import TRAINING, add_data, arguments, machine, read_faces, run

from cascade import ERT, Starts
from cascade.distributed.cluster import find_client
from cascade.distributed.running import run_on_workers
from cascade.formats.native import dumps
from cascade.loop.progress import Silent
from data_tools.store import open_store, write_store
from features.errors import InputError
from features.workers import Workers

# What a level of ERT sends: histograms of 30 candidates, 32 bins and 8 lanes, on 1.5 nodes.
_ROUND = np.arange(11_500, dtype=np.int32)
# Bytes a second of the network of the machines that are computed.
_NETWORK = 1.25e9


def rounds(group, threads, post, n_rounds, own):
    """Wall seconds of one sum of 46 kB that member 0 decides about, the median of many; and CPU
    seconds, of which other programs on the machine change less."""
    times, cpu = [], time.process_time()
    with Workers(1, group) as workers:
        for _ in range(n_rounds):
            began = time.perf_counter()
            workers.decide(lambda total: total[:64], _ROUND)
            times.append(time.perf_counter() - began)
    return float(np.median(times)), (time.process_time() - cpu) / n_rounds


def timed(train):
    """Row of a second training: wall seconds, and CPU seconds of this process; and the model."""
    train()
    cpu, wall = time.process_time(), time.perf_counter()
    model = train()
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
    }, model


def on_cluster(n_workers, train, n_rounds):
    """Row of a training on `n_workers` processes of one thread; and the model."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=n_workers, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        row, model = timed(lambda: train(client))
        (wall, cpu), _ = run_on_workers(
            find_client(client), rounds, n_rounds, lambda *_: None, lambda *_: None
        )
        members = model.members_
    row |= {
        "cpu_s": sum(m["cpu_s"] for m in members),
        "round_ms": wall * 1e3,
        "round_cpu_ms": cpu * 1e3,
        "rounds": members[0]["rounds"],
        "sent_mb": sum(m["bytes"] for m in members) / 1e6,
        "peak_mib": max(m["peak_mib"] or 0 for m in members),
    }
    return row, model


def predicted(cpu_s, n_rounds, round_s, more_s, factor, threads):
    """Wall seconds for 1, 2, 4, … 128 machines: sums of all members go to member 0.

    Parameters
    ----------
    cpu_s : float
        Of the training that was measured, on one thread.
    n_rounds, round_s : int, float
        Sums, and seconds of one between two members.
    more_s : float
        Seconds that each further member adds to a sum: reading its message and adding it.
    factor : float
        How many times as many samples there are.
    threads : int
        Of each machine.
    """
    table = {}
    for n in (1, 2, 4, 8, 16, 32, 64, 100, 128):
        a_round = 0 if n == 1 else round_s + (n - 2) * (more_s + _ROUND.nbytes / _NETWORK)
        table[n] = cpu_s * factor / (n * threads) + n_rounds * a_round
    return table


def compare(options, folder):
    faces = read_faces(options, options.faces)
    trees = max(1, round(options.trees * options.share))
    model = ERT(
        n_stages=options.stages, n_trees=trees, starts=Starts(n=options.starts), random_state=0
    )
    write_store(folder / "store", faces, model_frame(model))
    store = open_store(folder / "store")
    print(
        f"{len(store)} crops x {options.starts} starts, {options.stages} stages x {trees} trees; "
        f"{machine()}"
    )

    def train(client=None, n_jobs=None):
        fresh = type(model)(**model.get_params(deep=False) | {"n_jobs": n_jobs})
        return fresh.fit(store, client=client, progress=Silent())

    rows, files = {}, set()
    for jobs in (1, 2):
        rows[f"{jobs} threads"], trained = timed(lambda jobs=jobs: train(n_jobs=jobs))
        files.add(dumps(trained))
    for n in options.workers:
        rows[f"{n} workers"], trained = on_cluster(n, train, options.rounds)
        files.add(dumps(trained))
    if len(files) > 1:
        raise InputError("the models differ; they must be the same to the byte")
    print(f"{'':12} wall s   CPU s  rounds  ms/round  CPU ms  sent MB  peak MiB  against 2 threads")
    for name, row in rows.items():
        more = "" if "rounds" not in row else (
            f"{row['rounds']:8} {row['round_ms']:9.2f} {row['round_cpu_ms']:7.2f} "
            f"{row['sent_mb']:8.1f} {row['peak_mib']:9.0f}"
        )  # fmt: skip
        ratio = row["wall_s"] / rows["2 threads"]["wall_s"]
        print(f"{name:12} {row['wall_s']:6.1f} {row['cpu_s']:7.1f} {more:45} {ratio:18.2f}")
    return {"machine": machine(), "crops": len(store), "trees": trees, "rows": rows}


def model_frame(model):
    """The crops that a model asks for."""
    from features.frame import Frame

    return Frame(model.frame_size, model.face_size)


def show_prediction(found, options):
    """Print what more machines would do, from the smallest measured clusters."""
    rows = found["rows"]
    clusters = [row for name, row in rows.items() if "rounds" in row and name != "1 workers"]
    if not clusters:
        return
    first = clusters[0]
    more = 0.1e-3
    if len(clusters) > 1:
        added = (clusters[-1]["round_ms"] - first["round_ms"]) / 1e3
        n = [int(name.split()[0]) for name in rows if name.endswith("workers") and name[0] != "1"]
        more = max(added / (n[-1] - n[0]), 0.02e-3)
    table = predicted(
        rows["1 threads"]["cpu_s"], first["rounds"], first["round_ms"] / 1e3, more,
        options.factor, options.threads,
    )  # fmt: skip
    found["predicted_s"] = table
    print(
        f"computed for {options.factor:g} times the samples, {options.threads} threads a machine "
        f"({more * 1e3:.2f} ms for each further member a round):"
    )
    print("  ".join(f"{n}: {seconds:.0f} s" for n, seconds in table.items()))


def main():
    parser = arguments(__doc__)
    add_data(parser, TRAINING)
    parser.add_argument("--faces", type=int, help="at most so many faces")
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--stages", type=int, default=10)
    parser.add_argument("--trees", type=int, default=500)
    parser.add_argument("--share", type=float, default=1.0, help="share of the trees that is grown")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=1000, help="rounds for the time of one")
    parser.add_argument(
        "--factor", type=float, default=250, help="samples of the computed training"
    )
    parser.add_argument("--threads", type=int, default=16, help="of a machine, there")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = compare(options, folder)
    show_prediction(found, options)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    run(main)
