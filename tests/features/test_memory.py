import numpy as np
import pytest

from features import memory
from features.errors import InputError


def test_what_is_there_is_given():
    assert memory.available_memory() is None or memory.available_memory() > 0
    assert memory.allocate((3, 4), np.int16, "numbers", "take fewer").shape == (3, 4)


def test_the_figure_is_named_before_memory_is_taken(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 100 << 20)
    with pytest.raises(InputError, match=r"faces need 200 MiB .* 100 MiB are there; take fewer"):
        memory.allocate((200, 1 << 20), np.uint8, "the faces", "take fewer")


@pytest.mark.parametrize("there", [None, 1 << 80])
def test_beyond_any_machine(monkeypatch, there):
    monkeypatch.setattr(memory, "available_memory", lambda: there)
    for shape in ((1 << 50, 8), (1 << 40, 1 << 40)):  # the second overflows 64 bits
        with pytest.raises(InputError, match="TiB"):
            memory.allocate(shape, np.float32, "the faces", "take fewer")
