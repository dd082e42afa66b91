"""The smallest square that changes the answer, on a network whose answer hangs on a known place."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from petvision.events import Partial, Result
from petvision.explain.flip import Flip, smallest_flip
from tests.explain.tiny import handle_of, prepared

SIZE = 64
PLACE = (slice(20, 30), slice(40, 50))  # rows, columns: a hundred pixels


class LooksAtOnePlace(nn.Module):
    """Cat while more than half of one 10×10 place is bright, else dog."""

    def forward(self, x: Tensor) -> Tensor:
        cat = x[:, :, PLACE[0], PLACE[1]].mean((1, 2, 3)) - 0.5
        return torch.stack([cat, -cat], 1)


def bright() -> np.ndarray:
    pixels = np.zeros((1, 3, SIZE, SIZE), np.float32)
    pixels[:, :, PLACE[0], PLACE[1]] = 1.0
    return pixels


def result(pixels: np.ndarray) -> tuple[Flip, list[Flip]]:
    events = list(smallest_flip(handle_of(LooksAtOnePlace(), SIZE), prepared(pixels)))
    assert isinstance(events[-1], Result)
    return events[-1].value, [e.value for e in events if isinstance(e, Partial)]


def test_it_finds_the_place_the_answer_hangs_on_with_a_square_of_about_its_size():
    found, on_the_way = result(bright())
    assert (found.before, found.after) == ("cat", "dog")
    left, top, right, bottom = found.box
    side = right - left
    assert side == bottom - top
    assert 8 <= side <= 9  # 64 of the place's 100 pixels would do; 7×7 covers only 49
    covered = max(0, min(right, 50) - max(left, 40)) * max(0, min(bottom, 30) - max(top, 20))
    assert covered > 50
    assert found.share == (side / SIZE) ** 2
    shares = [flip.share for flip in on_the_way]
    assert shares == sorted(shares, reverse=True)
    assert "turns cat into dog" in found.words


def test_where_no_square_changes_the_answer_it_says_so():
    found, on_the_way = result(np.full((1, 3, SIZE, SIZE), -1.0, np.float32))
    assert found.box is None
    assert not on_the_way
    assert "No square" in found.words
    assert found.tried > 50
