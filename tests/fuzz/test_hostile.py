"""Files from strangers: read, or refused in under a second, by name, within bounded memory."""

import random
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .seeds import CORPUS
from .targets import TARGETS, corpus, mutated, mutated_model, refuses

FILES = [(target, path) for target in TARGETS for path in corpus(target, CORPUS)]
# Sound files of which targets make variants.
SEEDS = {t: [p for u, p in FILES if u == t and p.name.startswith("sound")] for t in TARGETS}
# Seconds; on a machine busy with other things twice that passes, too.
LIMIT = 1.0


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory):
    """All kernels, so that nobody waits for the compiler below."""
    folder = tmp_path_factory.mktemp("warm")
    for target, path in FILES:
        refuses(target, folder / "file", path.read_bytes())


@pytest.mark.parametrize("target, path", FILES, ids=[f"{t}-{p.name}" for t, p in FILES])
def test_corpus(tmp_path, target, path):
    data = path.read_bytes()
    file = tmp_path / "hostile"
    tracemalloc.start()
    began = time.process_time()
    try:
        refused = refuses(target, file, data)
        seconds = time.process_time() - began
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seconds < LIMIT
    assert peak < (48 << 20) + 64 * len(data)
    expected = path.name.partition("-")[0].partition(".")[0]
    if expected != "found" and target not in ("imglab", "wflw"):  # the images are not there
        assert refused == (expected == "bad")


@pytest.mark.parametrize("target", TARGETS)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(choice=st.integers(0, 99), seed=st.integers(0, 2**32))
def test_variants(tmp_path, target, choice, seed):
    seeds, rng = SEEDS[target], random.Random(seed)
    data = seeds[choice % len(seeds)].read_bytes()
    began = time.process_time()
    refuses(target, tmp_path / "hostile", mutated(data, rng))
    assert time.process_time() - began < 2 * LIMIT


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(choice=st.integers(0, 99), seed=st.integers(0, 2**32))
def test_models_with_fitting_digests(tmp_path, choice, seed):
    seeds = SEEDS["native"]
    data = mutated_model(seeds[choice % len(seeds)].read_bytes(), random.Random(seed))
    refuses("native", tmp_path / "hostile", data)
