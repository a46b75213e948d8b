"""The cache of compiled kernels: damaged, full, or without a folder, it stops nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from features import jit

RUN = """
import numpy as np
{limit}
from features._median_kernels import median_of_rows
out = np.empty(2, np.float32)
median_of_rows(np.float32([[3, 1], [1, 2], [2, 9]]), out)
print(out.tolist())
"""


def median(folder, limit=""):
    """Run a kernel in a process of its own; what it printed, and what it warned of."""
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(limit=limit)],
        env=os.environ | {"NUMBA_CACHE_DIR": str(folder)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[2.0, 2.0]\n"
    return done.stderr


def files(folder, suffix):
    return sorted(folder.rglob(f"*median_of_rows*.{suffix}"))


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"not a cache", b"\x80\x04\x95"])
def test_damaged_files_are_made_anew(tmp_path, suffix, content):
    assert median(tmp_path) == ""
    (damaged,) = files(tmp_path, suffix)
    damaged.write_bytes(content)
    told = median(tmp_path)
    assert "compiled anew" in told and str(tmp_path) in told and "delete the folder" in told
    assert median(tmp_path) == ""


def test_a_full_disk(tmp_path):
    resource = pytest.importorskip("resource")
    assert resource
    limit = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"
    )
    told = median(tmp_path, limit)
    assert "cannot be kept" in told and "NUMBA_CACHE_DIR" in told
    assert not files(tmp_path, "nbc")


def test_no_folder_at_all(monkeypatch, caplog):
    def nowhere(function):
        raise RuntimeError("no locator available")

    monkeypatch.setattr(jit, "GuardedCache", nowhere)
    jit._tell.cache_clear()

    @jit.njit(nogil=True, cache=True)
    def double(x):
        return 2 * x

    assert double(4) == 8
    assert "NUMBA_CACHE_DIR" in caplog.text


def test_a_cache_that_is_damaged_everywhere_is_told_once(tmp_path):
    median(tmp_path)
    for index in tmp_path.rglob("*.nbi"):
        index.write_bytes(b"")
    run = RUN.replace("out = np", "from features._median_kernels import *\nout = np")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", run.format(limit="")],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and len(done.stderr.splitlines()) == 1
