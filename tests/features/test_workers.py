"""Questions that the members of a training ask one another, alone and in threads."""

import numpy as np
import pytest

from features.messages import from_message, tidy, to_message
from features.workers import SERIAL, Workers

from ..members import run_members


def ask(function, weights=(1, 1, 1)):
    """function(workers) on every member."""

    def member(group):
        with Workers(1, group) as workers:
            return function(workers)

    return run_members(member, list(weights))


def test_shares_cover_all_rows_once_and_may_be_empty():
    assert ask(lambda workers: workers.share(10), (3, 0, 2)) == [(0, 6), (6, 6), (6, 10)]
    assert SERIAL.share(10) == (0, 10)


def test_totals_are_those_of_all_rows_for_any_cut():
    rows = np.random.default_rng(0).integers(-1000, 1000, (37, 5))
    for weights in [(1,), (1, 1), (5, 0, 1, 7), (0, 0, 1)]:
        answers = ask(
            lambda workers: workers.total(rows[slice(*workers.share(37))].sum(0)), weights
        )
        for answer in answers:
            assert answer.dtype == rows.dtype
            np.testing.assert_array_equal(answer, rows.sum(0))


def test_totals_refuse_floats_alone_and_together():
    with pytest.raises(TypeError, match="integers"):
        SERIAL.total(np.ones(2))
    with pytest.raises(TypeError, match="float64"):
        ask(lambda workers: workers.decide(lambda total: total, np.ones(2)))


def test_members_that_disagree_about_a_shape_are_told():
    with pytest.raises(ValueError, match="disagree"):
        ask(lambda workers: workers.total(np.zeros(1 + workers.rank, int)))


def test_the_largest_of_all_members():
    answers = ask(lambda workers: workers.largest(np.array([workers.rank, -workers.rank, 0.5])))
    assert [a.tolist() for a in answers] == [[2, 0, 0.5]] * 3
    assert SERIAL.largest(np.array([1.5])).tolist() == [1.5]


def test_member_0_alone_decides():
    called = []

    def decision(total, other):
        called.append(None)
        return {"total": total, "other": (other * 2.5, "text", None)}

    answers = ask(lambda w: w.decide(decision, np.array([w.rank, 1]), np.int64(2)))
    assert len(called) == 1
    for answer in answers:
        assert answer["total"].tolist() == [3, 3]
        assert answer["other"] == (15.0, "text", None)
    assert SERIAL.decide(lambda: (1, 2)) == (1, 2)


def test_decisions_come_in_rows_wherever_they_were_taken():
    columns = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    for answer in [SERIAL.decide(lambda: columns), *ask(lambda w: w.decide(lambda: columns))]:
        assert answer.flags.c_contiguous
        np.testing.assert_array_equal(answer, columns)


def test_rows_are_joined_in_the_order_of_ranks():
    answers = ask(lambda w: w.joined(np.full((w.rank, 2), w.rank, np.uint8)))
    for answer in answers:
        assert answer.dtype == np.uint8
        assert answer[:, 0].tolist() == [1, 2, 2]


def test_an_error_of_one_member_ends_all():
    def member(workers):
        if workers.rank == 1:
            raise OSError("no disk")
        return workers.total(np.array(1))

    with pytest.raises(OSError, match="no disk"):
        ask(member)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype=np.int16).reshape(2, 3),
        np.zeros((0, 4), np.float32),
        np.array(True),
        np.float32(1.25),
        {"a": [1, (2.5, None)], 3: "text"},
    ],
)
def test_messages_return_what_was_sent(value):
    back = from_message(to_message(value))
    assert type(back) is type(value)
    np.testing.assert_equal(back, value)
    assert getattr(back, "dtype", None) == getattr(value, "dtype", None)


def test_arrays_in_messages_are_writable_copies():
    sent = np.arange(3)
    back = from_message(to_message(sent))
    back += 1
    assert sent.tolist() == [0, 1, 2]


def test_what_cannot_be_sent_is_refused():
    with pytest.raises(TypeError, match="object"):
        tidy(np.array([object()]))
    with pytest.raises(TypeError, match="set"):
        to_message({"a": {1}})


@pytest.mark.parametrize(
    "message",
    [
        {"dtype": "<i4", "shape": [3], "data": b"1234"},
        {"dtype": "|O", "shape": [1], "data": b"12345678"},
        {"dtype": "no", "shape": [1], "data": b"1"},
        {"dtype": "<i4", "shape": [-1, 0], "data": b""},
        {"shape": [1]},
        {"dict": [[1]]},
    ],
)
def test_damaged_messages_are_refused(message):
    with pytest.raises(ValueError, match="damaged"):
        from_message(message)
