import numpy as np
import pytest
import torch
from torch import Tensor, nn

from petvision.errors import ModelError
from petvision.explain import memory
from petvision.explain.memory import Gradients, free_memory
from tests.explain.tiny import explain, handle_of, noise


class Small(nn.Module):
    """Two logits, and no room for more than so many pictures at once."""

    def __init__(self, room: int, words: str | None = None) -> None:
        super().__init__()
        self.room, self.words = room, words
        self.asked: list[int] = []
        self.linear = nn.Linear(3 * 16, 2)

    def forward(self, x: Tensor) -> Tensor:
        self.asked.append(len(x))
        if len(x) > self.room:
            if self.words is None:
                torch.empty(1 << 50, dtype=torch.uint8)  # more than any machine has
            raise RuntimeError(self.words)
        return self.linear(x.flatten(1))


def batch(count: int) -> np.ndarray:
    return np.concatenate([noise(4, seed) for seed in range(count)])


def gradients(network: nn.Module, size: int) -> Gradients:
    found = Gradients(handle_of(network, 4))
    found.size = size
    return found


def test_it_takes_half_when_memory_runs_out_and_stays_there() -> None:
    some = gradients(Small(room=3), size=8)
    found, logits = some(batch(8), 1)
    _, expected = gradients(Small(room=8), size=8)(batch(8), 1)
    assert some.size == 2
    assert found.shape == (8, 3, 4, 4)
    assert logits.shape == expected.shape == (8,)
    assert np.array_equal(found[0], found[7])  # a linear network's gradient is its weight


def test_when_not_even_one_fits_it_says_so() -> None:
    with pytest.raises(ModelError, match="too little memory"):
        gradients(Small(room=0), size=4)(batch(2), 0)


def test_another_fault_is_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError, match="shapes differ"):
        gradients(Small(room=0, words="shapes differ"), size=4)(batch(2), 0)


def test_the_batch_follows_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = handle_of(Small(room=9), 4)
    monkeypatch.setitem(memory.STEP, "cpu", 8)
    for pictures, fits in ((0, 1), (3, 3), (100, 8)):
        needed = int(pictures * memory.PER_PIXEL * 4 * 4 / (1 - memory.KEEP_FREE)) + 1
        monkeypatch.setattr(memory, "free_memory", lambda device, needed=needed: needed)
        assert Gradients(handle).size == fits
    assert free_memory(torch.device("cpu")) > 1 << 20


def test_a_map_is_the_same_however_little_memory_there_is() -> None:
    full = explain("smoothgrad", handle_of(Small(room=9), 4), noise(4), samples=4)
    torch.manual_seed(0)
    network = Small(room=1)
    network.load_state_dict(handle_of(Small(room=1), 4).network.state_dict(), strict=False)
    little = explain("smoothgrad", handle_of(network, 4), noise(4), samples=4)
    assert full.heat.shape == little.heat.shape
