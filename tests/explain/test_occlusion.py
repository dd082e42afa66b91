import numpy as np
import pytest
import torch
from torch import nn

from petvision.errors import ConfigError
from petvision.events import Partial
from petvision.explain.fills import fill
from petvision.explain.windows import Windows, filled_in, most_promising
from petvision.models.handle import ModelHandle
from petvision.models.resnet import ResNet
from tests.explain.tiny import WeighedPixels, events, explain, handle_of, noise


def looks_at(row: int, column: int, size: int = 16) -> WeighedPixels:
    weights = torch.zeros(1, 3, size, size)
    weights[0, 0, row, column] = 1.0
    return WeighedPixels(weights)


def test_heat_lies_exactly_on_the_windows_that_cover_the_pixel() -> None:
    pixels = np.ones((1, 3, 16, 16), np.float32)
    found = explain(
        "occlusion", handle_of(looks_at(5, 9), 16), pixels, window=4, stride=4, mode="exact"
    )
    expected = np.zeros((16, 16))
    expected[4:8, 8:12] = 1.0  # the one window over (5, 9), whose value falls from 1 to 0
    np.testing.assert_array_equal(found.heat, expected)
    against = explain(
        "occlusion", handle_of(looks_at(5, 9), 16), pixels, "dog", window=4, stride=4, mode="exact"
    )
    np.testing.assert_array_equal(against.heat, -expected)


def test_overlapping_windows_are_averaged() -> None:
    pixels = np.full((1, 3, 16, 16), 2, np.float32)
    found = explain(
        "occlusion", handle_of(looks_at(0, 0), 16), pixels, window=8, stride=4, mode="exact"
    )
    assert found.heat[0, 0] == 2  # one window covers it
    assert found.heat[0, 4] == 1  # two do, one of them without effect
    assert found.heat[4, 4] == 0.5  # four do
    assert found.heat[8, 8] == 0


def test_the_default_has_captums_169_windows() -> None:
    assert Windows(224, 32, 16).across ** 2 == 169
    assert len(Windows(224, 32, 16).coarse_first()) == 169


def test_every_window_comes_once_and_the_coarse_ones_first() -> None:
    order = [tuple(place) for place in Windows(224, 32, 16).coarse_first()]
    assert len(set(order)) == 169
    assert set(order[:16]) == {(r, c) for r in range(0, 13, 4) for c in range(0, 13, 4)}
    assert set(order[:49]) == {(r, c) for r in range(0, 13, 2) for c in range(0, 13, 2)}


@pytest.mark.parametrize(
    ("window", "stride"), [(16, 8), (32, 16), (20, 13), (64, 64), (60, 60), (33, 10)]
)
@pytest.mark.parametrize("cover", ["mean", "black", "blur", "noise"])
def test_the_map_is_captums(
    resnet: ResNet, resnet_handle: ModelHandle, window: int, stride: int, cover: str
) -> None:
    from captum.attr import Occlusion

    pixels = noise(64, seed=4)
    baseline = torch.from_numpy(fill(pixels, resnet_handle.spec, cover, seed=3))
    theirs = Occlusion(resnet).attribute(
        torch.from_numpy(pixels),
        sliding_window_shapes=(3, window, window),
        strides=(3, stride, stride),
        baselines=baseline,
        target=1,
        perturbations_per_eval=8,
    )
    expected = theirs.detach().numpy()[0]
    np.testing.assert_allclose(expected[0], expected[1], atol=1e-6)  # one value for all channels
    ours = explain(
        "occlusion",
        resnet_handle,
        pixels,
        "dog",
        window=window,
        stride=stride,
        fill=cover,
        seed=3,
        mode="exact",
    )
    tolerance = 1e-3 * max(np.ptp(expected[0]), np.abs(expected[0]).max())
    assert np.abs(ours.heat - expected[0]).max() <= tolerance


def test_partial_maps_are_whole_from_the_first_on() -> None:
    pixels = np.ones((1, 3, 64, 64), np.float32)
    handle = handle_of(looks_at(40, 40, 64), 64)
    seen = list(events("occlusion", handle, pixels, window=8, stride=4, mode="exact"))
    partial = [event.value for event in seen if isinstance(event, Partial)]
    assert 4 <= len(partial) <= 8
    for so_far in partial:
        assert np.isfinite(so_far.heat).all()
    counts = [so_far.facts[0].value for so_far in partial]
    assert counts == sorted(counts)
    assert counts[-1] < seen[-1].value.facts[0].value == 225


def test_a_window_larger_than_the_picture_is_refused(resnet_handle: ModelHandle) -> None:
    with pytest.raises(ConfigError, match="at most 64"):
        explain("occlusion", resnet_handle, noise(64), window=65)


def test_a_photo_that_is_the_fill_has_nothing_to_show(resnet_handle: ModelHandle) -> None:
    found = explain("occlusion", resnet_handle, np.zeros((1, 3, 64, 64), np.float32))
    assert not found.heat.any()
    assert found.remark == "nothing here changes the answer for cat"


def test_what_speaks_only_against_the_class_is_shown_and_said() -> None:
    pixels = np.ones((1, 3, 16, 16), np.float32)
    found = explain("occlusion", handle_of(looks_at(5, 9), 16), pixels, "dog", window=4, stride=4)
    assert found.heat.min() == -1
    assert found.remark == "no positive evidence for dog here"


class Blobs(nn.Module):
    """Logit of cat: how much brightness lies around a place."""

    def __init__(self, row: int, column: int) -> None:
        super().__init__()
        rows, columns = np.mgrid[:224, :224]
        near = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 2 / 30**2)
        self.weights = nn.Parameter(torch.tensor(near / near.sum(), dtype=torch.float32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        cat = 10 * (x.mean(1) * self.weights).sum((1, 2))
        return torch.stack([cat, -cat], 1)


@pytest.mark.parametrize(("row", "column"), [(60, 150), (120, 40), (200, 200)])
def test_anytime_finds_the_strongest_place_and_tells_its_error(row: int, column: int) -> None:
    pixels = np.ones((1, 3, 224, 224), np.float32)
    handle = handle_of(Blobs(row, column), 224)
    exact = explain("occlusion", handle, pixels, mode="exact")
    found = explain("occlusion", handle, pixels, share=50)
    facts = {fact.code: fact.value for fact in found.facts}
    assert facts["windows"] == 84  # half of 169
    assert 0 < facts["spot_error"] < 5
    assert np.corrcoef(found.heat.ravel(), exact.heat.ravel())[0, 1] > 0.99
    best = np.unravel_index(np.nanargmin(found.windows.logits), found.windows.logits.shape)
    true = np.unravel_index(np.argmin(exact.windows.logits), exact.windows.logits.shape)
    assert max(abs(best[0] - true[0]), abs(best[1] - true[1])) <= 1


def test_the_error_told_is_what_was_measured() -> None:
    """All places but those drawn are known, so the guess can be made again."""
    pixels = noise(224)
    found = explain("occlusion", handle_of(Blobs(90, 90), 224), pixels, share=30, seed=4)
    exact = explain("occlusion", handle_of(Blobs(90, 90), 224), pixels, mode="exact")
    known = np.isfinite(found.windows.logits)
    np.testing.assert_allclose(
        found.windows.logits[known], exact.windows.logits[known], rtol=1e-4, atol=1e-5
    )
    assert known.sum() == 55  # the coarse grid and the spot checks: 30 % would be 51
    assert "of 169" in found.facts[0].words
    assert found.provenance.seed == 4


def test_the_coarse_grid_is_the_first_whole_picture() -> None:
    coarse = {tuple(place) for place in Windows(224, 32, 16).coarse()}
    assert coarse == {(r, c) for r in range(0, 13, 2) for c in range(0, 13, 2)}
    even = {tuple(place) for place in Windows(64, 16, 7).coarse()}  # eight in a row
    assert {row for row, _ in even} == {0, 2, 4, 6, 7}


def test_a_plane_is_filled_in_without_an_error() -> None:
    rows, columns = np.mgrid[:13, :13].astype(float)
    known = np.zeros((13, 13), bool)
    known[::2, ::2] = True
    filled = filled_in(np.where(known, 3 * rows - columns, np.nan), known)
    assert np.abs(filled - (3 * rows - columns)).max() < 0.6
    np.testing.assert_array_equal(filled[known], (3 * rows - columns)[known])


def test_the_next_places_lie_around_the_strongest() -> None:
    known = np.zeros((13, 13), bool)
    known[::2, ::2] = True
    values = np.zeros((13, 13))
    values[6, 8] = -5.0
    places = most_promising(values, known, 4)
    assert all(not known[tuple(place)] for place in places)
    assert (np.abs(places - [6, 8]).max(1) == 1).all()


def test_half_of_the_places_are_where_the_peak_may_be() -> None:
    known = np.zeros((13, 13), bool)
    known[::2, ::2] = True
    values = np.zeros((13, 13))
    values[10, 2] = 1.0
    values[2, 8] = -9.0  # steeper and larger, but not for the class
    places = most_promising(values, known, 8)
    assert (np.abs(places[:4] - [10, 2]).max(1) == 1).all()
    assert (np.abs(places[4:] - [2, 8]).max(1) == 1).all()


def test_no_place_is_asked_for_twice_and_none_that_is_known() -> None:
    known = np.ones((5, 5), bool)
    known[0, :3] = False
    places = most_promising(np.arange(25.0).reshape(5, 5), known, 8)
    assert sorted(map(tuple, places.tolist())) == [(0, 0), (0, 1), (0, 2)]


def test_the_scores_behind_the_map_are_there_for_who_points_at_it() -> None:
    pixels = np.ones((1, 3, 16, 16), np.float32)
    scores = explain("occlusion", handle_of(looks_at(5, 9), 16), pixels, window=4, stride=4).windows
    assert scores.logit == 1
    assert scores.probability == pytest.approx(1 / (1 + np.exp(-2)))
    assert scores.at(9.5, 5.5) == (1, 2)
    assert scores.logits[1, 2] == 0
    assert scores.probabilities[1, 2] == pytest.approx(0.5)
    assert scores.logits[0, 0] == 1
    assert scores.at(-20, 3) is None


def test_the_scale_can_be_the_probability() -> None:
    pixels = np.ones((1, 3, 16, 16), np.float32)
    found = explain(
        "occlusion", handle_of(looks_at(5, 9), 16), pixels, window=4, stride=4, scale="probability"
    )
    assert found.unit == "change of the cat probability"
    assert found.heat[5, 9] == pytest.approx(1 / (1 + np.exp(-2)) - 0.5, abs=1e-6)


@pytest.mark.parametrize("scale", ["logit", "probability"])
def test_a_change_as_small_as_rounding_is_no_evidence_on_either_scale(scale: str) -> None:
    weights = torch.full((1, 3, 16, 16), 1e-8)
    pixels = np.ones((1, 3, 16, 16), np.float32)
    found = explain(
        "occlusion", handle_of(WeighedPixels(weights), 16), pixels, window=4, stride=4, scale=scale
    )
    assert not found.heat.any()
    assert found.remark


def test_the_told_error_is_that_of_the_scale_that_is_shown() -> None:
    """Where the probability is all but certain a logit may move at will without moving it."""
    handle, pixels = handle_of(Blobs(90, 90), 224), noise(224)
    told = {
        scale: {
            f.code: f.value
            for f in explain("occlusion", handle, pixels, share=1, seed=4, scale=scale).facts
        }
        for scale in ("logit", "probability")
    }
    assert {facts["windows"] for facts in told.values()} == {49 + 6}  # coarse grid, spot checks
    assert told["logit"]["spot_error"] != told["probability"]["spot_error"]
