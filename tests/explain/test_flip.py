"""The smallest square that changes the answer, on a network whose answer hangs on a known place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from petvision.events import Partial, Result
from petvision.explain.edits import Edited, Stroke, mean_colour
from petvision.explain.flip import Flip, answer, smallest_flip
from petvision.images.door import decode, load
from petvision.images.inputs import source_of
from petvision.images.types import ImageFacts, Picture, Pixels
from petvision.models.handle import ModelHandle, open_model
from petvision.models.predict import Unknown
from petvision.models.unknown import UnknownScore
from tests.explain.tiny import handle_of

SIZE = 64
PLACE = (slice(20, 30), slice(40, 50))  # rows, columns: a hundred pixels
GREY = mean_colour((0.485, 0.456, 0.406))
WHITE = 2.4  # what the network sees of white; it sees 0 of grey


class LooksAtOnePlace(nn.Module):
    """Cat while half of one 10×10 place is white, else dog."""

    def forward(self, x: Tensor) -> Tensor:
        cat = x[:, :, PLACE[0], PLACE[1]].mean((1, 2, 3)) - WHITE / 2
        return torch.stack([cat, -cat], 1)


class LooksForAnyLight(nn.Module):
    """Cat while any pixel of the place is brighter than a twentieth of white, else dog."""

    def forward(self, x: Tensor) -> Tensor:
        cat = x[:, :, PLACE[0], PLACE[1]].amax((1, 2, 3)) - WHITE / 20
        return torch.stack([cat, -cat], 1)


def photo(pixels: Pixels) -> Picture:
    high, wide, _ = pixels.shape
    return Picture(pixels, ImageFacts(wide, high, "PNG", "ab" * 32))


def one_white_place() -> Picture:
    pixels = np.full((SIZE, SIZE, 3), GREY, np.uint8)
    pixels[PLACE] = 255
    return photo(pixels)


def search(
    handle: ModelHandle, picture: Picture, unknown: Unknown = "auto"
) -> tuple[Flip, list[Flip]]:
    edited = Edited(picture, mean_colour(handle.spec.mean))
    events = list(smallest_flip(handle, edited, unknown=unknown))
    assert isinstance(events[-1], Result)
    return events[-1].value, [e.value for e in events if isinstance(e, Partial)]


def painted(handle: ModelHandle, picture: Picture, found: Flip, unknown: Unknown = "auto") -> str:
    """What the brush says with the square on the photo."""
    edited = Edited(picture, mean_colour(handle.spec.mean))
    return answer(handle, edited, (Stroke("erase", box=found.box),), unknown).label


def test_it_finds_the_place_the_answer_hangs_on_with_a_square_of_about_its_size():
    found, on_the_way = search(handle_of(LooksAtOnePlace(), SIZE), one_white_place())
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


def test_the_square_is_looked_for_with_the_content_that_covers():
    handle, picture = handle_of(LooksAtOnePlace(), SIZE), one_white_place()
    for shade, after in ((0, "dog"), (255, "")):  # white on white changes nothing
        other = photo(np.full((SIZE, SIZE, 3), shade, np.uint8))
        *_, last = smallest_flip(handle, Edited(picture, GREY, other), kind="paste")
        assert last.value.after == after


def test_where_no_square_changes_the_answer_it_says_so():
    black = photo(np.zeros((SIZE, SIZE, 3), np.uint8))
    found, on_the_way = search(handle_of(LooksAtOnePlace(), SIZE), black)
    assert found.box is None
    assert not on_the_way
    assert "No square" in found.words
    assert found.tried > 50


def test_a_square_that_works_only_on_the_networks_input_is_passed_over_for_a_larger_one():
    """On a white photo the edge of what is painted takes light from outside, at any place."""
    white = photo(np.full((4 * SIZE, 4 * SIZE, 3), 255, np.uint8))
    handle = handle_of(LooksForAnyLight(), SIZE)
    found, on_the_way = search(handle, white)
    side = (found.box[2] - found.box[0]) / 4
    assert 11 <= side <= 14  # 10×10 on the input would do
    for one in on_the_way:
        assert painted(handle, white, one) == one.after == "dog"


def test_the_answer_may_turn_into_unknown_unless_the_person_never_wants_that():
    plain = handle_of(LooksAtOnePlace(), SIZE)
    doubt = UnknownScore("max_softmax", threshold=0.3)
    handle = replace(plain, heads=replace(plain.heads, unknown=doubt))
    found, _ = search(handle, one_white_place())
    assert (found.before, found.after) == ("cat", "unknown")
    never, _ = search(handle, one_white_place(), unknown="off")
    assert (never.before, never.after) == ("cat", "dog")
    assert found.share < never.share
    assert painted(handle, one_white_place(), found) == "unknown"
    assert painted(handle, one_white_place(), never, "off") == "dog"


def test_what_makes_an_unknown_photo_known_is_found_too():
    plain = handle_of(LooksAtOnePlace(), SIZE)
    doubt = UnknownScore("max_softmax", threshold=0.3)
    handle = replace(plain, heads=replace(plain.heads, unknown=doubt))
    picture = one_white_place()
    picture.pixels[PLACE[0], 40:45] = GREY  # half a place
    found, _ = search(handle, picture)
    assert (found.before, found.after) == ("unknown", "dog")
    assert painted(handle, picture, found) == "dog"


def test_on_a_real_photo_the_brush_shows_the_flip_that_is_told(samples: Path):
    handle = open_model("catdog-alexnet", device="cpu")
    picture = decode(load(source_of(str(samples / "cat.jpg"))), handle.spec.resize)
    found, on_the_way = search(handle, picture)
    assert (found.before, found.after) == ("cat", "dog")
    for one in on_the_way:
        assert painted(handle, picture, one) == "dog"
    assert found.box == on_the_way[-1].box
    assert found.share < 0.05
