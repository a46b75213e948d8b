"""Fuzz the readers of files: coverage-guided with atheris, or with random variants.

    python examples/benchmarks/fuzz.py --seconds 60 --target pts --target imglab
    NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=/tmp/checked python examples/benchmarks/fuzz.py --random

The corpus in tests/corpus is read first. A file that makes a reader do anything but read it or
refuse it by name is written to --keep and ends the run of its target; so is one that takes longer
than a second of the processor or, with atheris, more than 2 GiB. Without --target, each is run in
turn.
"""

import argparse
import inspect
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from common import arguments, run  # noqa: E402

from features.errors import InputError  # noqa: E402

# Modules whose branches guide atheris; numba could not compile kernels that are instrumented.
GUIDED = (
    "cascade.formats.dlib", "cascade.stages.layout", "cascade.formats.native",
    "cascade.formats.opencv", "data_tools.files", "data_tools.readers",
    "data_tools.schemes", "features.files", "features.image_headers", "features.images",
    "defusedxml", "csv", "json", "xml.sax",
)  # fmt: skip
SLOW, MEMORY = 1.0, 2048


def guided(name, seconds, folder):
    """Run atheris on one target in this process, which libFuzzer ends."""
    import atheris

    from tests.fuzz import targets
    from tests.fuzz.seeds import CORPUS

    instrument(atheris)
    paths = targets.corpus(name, CORPUS)
    file = folder / "hostile"
    for path in paths:  # compiles the kernels, which no file shall be blamed for
        targets.refuses(name, file, path.read_bytes())
    seeds = folder / "seeds"
    seeds.mkdir()
    for path in paths:
        (seeds / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())

    def mutate(data, max_size, seed):
        rng = random.Random(seed)
        if name in ("resealed", "checkpoint") and rng.random() < 0.7:
            try:
                return targets.mutated_model(data, rng)[:max_size]
            except Exception:  # what is no model any more gets the general treatment
                pass
        if rng.random() < 0.5:
            return targets.mutated(data, rng)[:max_size]
        return atheris.Mutate(data, max_size)

    def run(data):
        began = time.process_time()
        targets.refuses(name, file, data)
        if time.process_time() - began > SLOW:
            raise RuntimeError(f"took more than {SLOW} s")

    longest = max(path.stat().st_size for path in paths)
    options = [f"-max_total_time={seconds}", f"-rss_limit_mb={MEMORY}", "-timeout=30",
               f"-artifact_prefix={folder}/found-", f"-max_len={longest}", str(seeds)]  # fmt: skip
    atheris.Setup([sys.argv[0], *options], run, custom_mutator=mutate)
    atheris.Fuzz()


def instrument(atheris):
    """Make the functions of `GUIDED` tell atheris which branches they take."""
    for name, module in sorted(sys.modules.items()):
        if name.startswith(GUIDED):
            for item in list(vars(module).values()):
                for function in list(vars(item).values()) if inspect.isclass(item) else [item]:
                    if inspect.isfunction(function) and function.__module__ == name:
                        atheris.instrument_func(function)


def at_random(name, seconds, folder, seed):
    """Random variants of the corpus for some seconds; the number of files, or None for a find."""
    from tests.fuzz import targets
    from tests.fuzz.seeds import CORPUS

    rng, file = random.Random(seed), folder / "hostile"
    contents = [path.read_bytes() for path in targets.corpus(name, CORPUS)]
    for data in contents:
        targets.refuses(name, file, data)
    end, n_files, n_refused, slowest = time.monotonic() + seconds, 0, 0, 0.0
    models = name in ("resealed", "checkpoint")
    sound = [p.read_bytes() for p in targets.corpus(name, CORPUS) if p.name.startswith("sound")]
    while time.monotonic() < end:
        if models and rng.random() < 0.8:
            data = targets.mutated_model(rng.choice(sound), rng)
        else:
            data = targets.mutated(rng.choice(sound if rng.random() < 0.9 else contents), rng)
        began = time.process_time()
        try:
            n_refused += targets.refuses(name, file, data)
        except Exception:
            traceback.print_exc()
            (folder / f"found-{name}-{n_files}").write_bytes(data)
            return None
        slowest = max(slowest, time.process_time() - began)
        n_files += 1
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{name}: {n_files} files, {n_refused} refused, the slowest {slowest:.3f} s, "
          f"peak of the process {memory} MiB", flush=True)  # fmt: skip
    return n_files


def main():
    """Each target in a process of its own: libFuzzer ends the one that it runs in."""
    parser = arguments(__doc__)
    parser.add_argument("--target", action="append", help="one of tests.fuzz.targets.TARGETS")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--random", action="store_true", help="without atheris")
    parser.add_argument("--seed", type=int, default=0, help="of the random variants")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-found"), help="folder for finds")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if options.one and options.random:
            sys.exit(at_random(options.target[0], options.seconds, folder, options.seed) is None
                     and keep(folder, options.keep))  # fmt: skip
        if options.one:
            folder = Path(os.environ["FUZZ_FOLDER"])
            guided(options.target[0], options.seconds, folder)
    from tests.fuzz.targets import TARGETS

    for name in options.target or ():
        if name not in TARGETS:
            raise InputError(f"there is no target {name!r}; name one of {', '.join(TARGETS)}")
    options.target = options.target or list(TARGETS)
    if not options.random:
        from cascade.judging.compare.specs import needed

        needed("atheris", "pip install atheris (or add --random)", "guidance by coverage")
    failed = False
    for name in options.target:
        with tempfile.TemporaryDirectory() as scratch:
            command = [sys.executable, __file__, "--one", "--target", name, "--seconds",
                       str(options.seconds), "--seed", str(options.seed)]  # fmt: skip
            command += ["--keep", str(options.keep)] + ["--random"] * options.random
            environment = os.environ | {"FUZZ_FOLDER": scratch}
            done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True)
            if not options.random:
                lines = done.stderr.splitlines()
                stats = [line for line in lines if line.startswith("Done ")]
                pulse = [line for line in lines if "cov:" in line][-1:]
                print(f"{name}: {' '.join(stats) or 'ended early'}; {' '.join(pulse).strip()}",
                      flush=True)  # fmt: skip
            if done.returncode:
                failed = True
                print(done.stderr[-3000:])
                keep(Path(scratch), options.keep)
    sys.exit(failed)


def keep(folder, kept):
    """Copy what was found; True."""
    for path in folder.glob("found-*"):
        kept.mkdir(parents=True, exist_ok=True)
        (kept / path.name).write_bytes(path.read_bytes())
        print(f"kept {kept / path.name}")
    return True


if __name__ == "__main__":
    run(main)
