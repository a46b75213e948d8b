"""Matlab's version 5 against scipy's writer, and damage."""

import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.io import savemat

from data_tools.readers.mat5 import read_mat5
from features.errors import InputError

SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
KINDS = ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4"]


@SLOW
@given(
    matrix=st.sampled_from(KINDS).flatmap(
        lambda kind: arrays(kind, array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=5))
    ),
    compressed=st.booleans(),
)
def test_reads_what_scipy_writes(tmp_path, matrix, compressed):
    path = tmp_path / "m.mat"
    content = {"Points": matrix, "a_longer_name": np.eye(3), "text": "hello", "z": np.array([1j])}
    savemat(path, content, do_compression=compressed)
    found = read_mat5(path)
    assert set(found) == {"Points", "a_longer_name"}
    np.testing.assert_array_equal(found["Points"], matrix.astype(float))
    np.testing.assert_array_equal(found["a_longer_name"], np.eye(3))


@SLOW
@given(st.data())
def test_damage_is_an_error_or_another_matrix(tmp_path, data):
    path = tmp_path / "m.mat"
    savemat(path, {"Points": np.arange(12.0).reshape(6, 2), "Occ": np.zeros(3, np.uint8)})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(100, len(content) - 1))
        content[at] = data.draw(st.sampled_from([0, 1, 3, 14, 15, 127, 255]))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        found = read_mat5(path)
    except InputError as error:
        assert "m.mat" in str(error)
    else:
        assert all(matrix.dtype == np.float64 for matrix in found.values())


def test_a_variable_that_unpacks_without_end_is_refused(tmp_path):
    path = tmp_path / "m.mat"
    packed = zlib.compress(bytes(100 << 20))
    head = b"MATLAB 5.0".ljust(124) + b"\0\1IM"
    path.write_bytes(head + np.uint32([15, len(packed)]).tobytes() + packed)
    with pytest.raises(InputError, match="not a sound"):
        read_mat5(path)
    path.write_bytes(b"anything else")
    with pytest.raises(InputError, match="not a sound"):
        read_mat5(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_nested_arrays_as_scipy_writes_them(tmp_path, compressed):
    path = tmp_path / "m.mat"
    rows = np.zeros((2, 1), dtype=[("weights", "O"), ("a_longer_name", "O")])
    cell = np.empty((2, 1), "O")
    cell[0, 0], cell[1, 0] = np.arange(24, dtype=np.float32).reshape(2, 3, 4), np.eye(2)
    rows[0, 0], rows[1, 0] = (cell, "conv1"), (np.array([1j]), "ü")
    content = {"model": rows, "text": "hello", "plain": np.eye(3), "nothing": np.empty((0, 0), "O")}
    savemat(path, content, do_compression=compressed)
    found = read_mat5(path, nested=True)
    assert set(found) == {"model", "text", "plain", "nothing"}
    first, second = found["model"]
    np.testing.assert_array_equal(first["weights"][0], cell[0, 0])
    np.testing.assert_array_equal(first["weights"][1], np.eye(2))
    assert (first["a_longer_name"], second["a_longer_name"]) == ("conv1", "ü")
    assert second["weights"] is None and found["text"] == "hello" and found["nothing"] == []
    # Without `nested` all but plain matrices are left out, as before.
    assert set(read_mat5(path)) == {"plain"}


def test_arrays_nested_without_end_are_refused(tmp_path):
    deep = np.ones((1, 1))
    for _ in range(12):
        cell = np.empty((1, 1), "O")
        cell[0, 0], deep = deep, cell
    savemat(tmp_path / "m.mat", {"deep": deep})
    with pytest.raises(InputError, match=r"m\.mat: not a sound"):
        read_mat5(tmp_path / "m.mat", nested=True)
