import numpy as np
import pytest
import torch
from torch import Tensor, nn

from petvision.events import Partial
from petvision.explain.fills import fill
from petvision.explain.path import adaptive_edges, parted, spread, with_middles
from petvision.models.handle import ModelHandle
from petvision.models.resnet import ResNet
from tests.explain.tiny import WeighedPixels, events, explain, handle_of, noise


def gap(found: object) -> float:
    return next(fact.value for fact in found.facts if fact.code == "completeness_gap")


@pytest.mark.parametrize("baseline", ["mean", "black", "white", "blur", "noise"])
@pytest.mark.parametrize("placement", ["adaptive", "equal"])
def test_a_linear_network_gives_weight_times_difference_exactly(
    baseline: str, placement: str
) -> None:
    weights = torch.tensor(noise(8, seed=1))
    handle = handle_of(WeighedPixels(weights), 8)
    found = explain(
        "integrated_gradients", handle, noise(8), baseline=baseline, placement=placement, steps=5
    )
    start = fill(noise(8), handle.spec, baseline)
    expected = (weights.numpy() * (noise(8) - start))[0].sum(0)
    np.testing.assert_allclose(found.heat, expected, atol=1e-5)
    assert gap(found) < 1e-3  # per cent
    assert found.signed


class Square(nn.Module):
    """Logit of cat: the sum of squared pixels, whose gradient grows along the path."""

    def forward(self, x: Tensor) -> Tensor:
        cat = x.square().sum((1, 2, 3))
        return torch.stack([cat, -cat], 1)


def test_a_curved_path_is_averaged() -> None:
    found = explain("integrated_gradients", handle_of(Square(), 4), noise(4), placement="equal")
    np.testing.assert_allclose(found.heat, np.square(noise(4))[0].sum(0), rtol=1e-5)


@pytest.mark.parametrize(
    ("rule", "peers"),
    [
        ("midpoint", "riemann_middle"),
        ("gausslegendre", "gausslegendre"),
    ],
)
@pytest.mark.parametrize("baseline", ["mean", "blur"])
def test_equal_steps_are_captums(
    resnet: ResNet, resnet_handle: ModelHandle, rule: str, peers: str, baseline: str
) -> None:
    from captum.attr import IntegratedGradients

    pixels = noise(64, seed=2)
    start = torch.from_numpy(fill(pixels, resnet_handle.spec, baseline))
    theirs = IntegratedGradients(resnet).attribute(
        torch.from_numpy(pixels), start, target=1, n_steps=9, method=peers, internal_batch_size=3
    )
    expected = theirs.detach().numpy()[0].sum(0)
    ours = explain(
        "integrated_gradients",
        resnet_handle,
        pixels,
        "dog",
        steps=9,
        placement="equal",
        rule=rule,
        baseline=baseline,
    )
    assert np.abs(ours.heat - expected).max() <= 1e-3 * np.ptp(expected)


def test_the_gap_told_is_the_maps_own(resnet_handle: ModelHandle) -> None:
    pixels = noise(64, seed=5)
    found = explain("integrated_gradients", resnet_handle, pixels, steps=4, tolerance=100)
    ends = resnet_handle.logits(np.concatenate([np.zeros_like(pixels), pixels]))[:, 0]
    change = float(ends[1] - ends[0])
    told = 100 * abs(found.heat.sum(dtype=np.float64) - change) / abs(change)
    assert gap(found) == pytest.approx(told, rel=1e-2, abs=1e-2)


def test_steps_are_placed_where_the_score_changes() -> None:
    profile = np.array([0.0, 0, 0, 0, 1, 1, 1, 1, 1])  # everything happens in [3/8, 4/8]
    path = parted(adaptive_edges(50, profile), profile)
    middles = np.array([part.middle for part in path.parts])
    shares = np.array([part.share for part in path.parts])
    inside = (middles > 3 / 8) & (middles < 4 / 8)
    assert inside.sum() >= 40
    assert shares.sum() == pytest.approx(1)
    assert shares[inside].sum() == pytest.approx(1 / 8, abs=0.02)
    assert len(path.parts) == 50


@pytest.mark.parametrize("profile", [np.zeros(5), np.array([0.0, np.nan, 1.0])])
def test_a_flat_or_broken_profile_gives_equal_steps(profile: np.ndarray) -> None:
    np.testing.assert_allclose(adaptive_edges(7, profile), np.linspace(0, 1, 8))


def slope(alpha: float) -> np.ndarray:
    """The gradient of alpha³ at one pixel, whose integral is 1."""
    return np.full((1, 1), 3 * alpha**2, np.float32)


def test_a_path_is_refined_where_it_misses_most_and_throws_no_gradient_away() -> None:
    places = np.linspace(0, 1, 33)
    path = parted(np.linspace(0, 1, 3), places**3)
    for part in path.parts:
        path.take(part, slope(part.middle))
    misses = [abs(path.map()[0, 0] - 1)]
    for _ in range(4):
        kept = [part.heat for part in path.parts]
        worst = max(path.parts, key=lambda part: abs(path.miss(part)))
        new = path.split()
        assert len(new) == 2
        assert new[0].start == pytest.approx(worst.start)
        assert new[1].end == pytest.approx(worst.end)
        for part in new:
            path.take(part, slope(part.middle))
        heats = [id(part.heat) for part in path.parts]
        assert all(id(heat) in heats for heat in kept)
        misses.append(abs(path.map()[0, 0] - 1))
    assert misses[-1] < misses[0] / 10
    shares = [part.share for part in path.parts]
    assert sum(shares) == pytest.approx(1)
    expected = sum(part.share * float(slope(part.middle)[0, 0]) for part in path.parts)
    assert path.map()[0, 0] == pytest.approx(expected, rel=1e-5)
    assert path.taken == len(path.parts) == 10


def test_it_stops_at_the_tolerance_and_says_so(resnet_handle: ModelHandle) -> None:
    steps = {}
    for tolerance in (50.0, 3.0):
        found = explain(
            "integrated_gradients", resnet_handle, noise(64), steps=4, tolerance=tolerance
        )
        assert gap(found) <= tolerance
        assert f"at most {tolerance:g} % was asked for" in found.facts[0].words
        steps[tolerance] = found.facts[1].value
    assert steps[3.0] > steps[50.0]


def test_it_stops_when_time_is_up_and_says_so(resnet_handle: ModelHandle) -> None:
    found = explain("integrated_gradients", resnet_handle, noise(64), tolerance=0, seconds=0)
    assert found.facts[1].value < 22
    assert "time was up" in found.facts[0].words


def test_time_may_end_it_before_all_steps_even_where_the_gap_is_small(
    resnet_handle: ModelHandle,
) -> None:
    found = explain("integrated_gradients", resnet_handle, noise(64), tolerance=100, seconds=0)
    assert found.cut_short
    assert f"{found.facts[1].value:g} of 22 steps: time was up" in found.facts[0].words


def test_a_map_of_hardly_any_gradient_is_not_shown_even_when_time_is_up(
    resnet_handle: ModelHandle,
) -> None:
    found = explain("integrated_gradients", resnet_handle, noise(64), tolerance=0, seconds=0)
    assert found.facts[1].value >= 8
    asked = explain(
        "integrated_gradients", resnet_handle, noise(64), steps=2, tolerance=0, seconds=0
    )
    assert asked.facts[1].value == 2


def test_it_stops_after_many_steps_and_says_so(resnet_handle: ModelHandle) -> None:
    found = explain(
        "integrated_gradients", resnet_handle, noise(64), steps=2, tolerance=0, seconds=3600
    )
    assert found.facts[1].value <= 8
    assert "after 8 gradients" in found.facts[0].words


def test_the_baseline_is_shown(resnet_handle: ModelHandle) -> None:
    black = explain("integrated_gradients", resnet_handle, noise(64), steps=2, baseline="black")
    assert black.baseline.shape == (64, 64, 3)
    assert not black.baseline.any()
    mean = explain("integrated_gradients", resnet_handle, noise(64), steps=2)
    np.testing.assert_array_equal(
        mean.baseline[0, 0], np.rint([0.485 * 255, 0.456 * 255, 0.406 * 255])
    )


@pytest.mark.parametrize("steps", [20, 22, 24, 50])
@pytest.mark.parametrize("kind", ["even", "late", "steps", "rough"])
def test_places_seen_before_become_middles_of_parts(steps: int, kind: str) -> None:
    places = np.linspace(0, 1, 33)
    profile = {
        "even": places,
        "late": places**8,
        "steps": np.round(3 * places),
        "rough": np.random.default_rng(steps).normal(size=33).cumsum(),
    }[kind]
    moved = with_middles(adaptive_edges(steps, profile), np.array([0.25, 0.75]))
    assert (len(moved), moved[0], moved[-1]) == (steps + 1, 0, pytest.approx(1))
    assert (np.diff(moved) >= 0).all(), "no part is lost or turned round"
    middles = (moved[1:] + moved[:-1]) / 2
    for place in (0.25, 0.75):
        assert np.abs(middles - place).min() < 1e-12


def test_the_gradients_of_the_sketch_serve_the_map(resnet_handle: ModelHandle) -> None:
    found = explain("integrated_gradients", resnet_handle, noise(64), steps=24, tolerance=100)
    assert found.facts[1].value == 24, "none is thrown away"


@pytest.mark.parametrize("count", [1, 2, 3, 8, 33, 100])
def test_the_order_of_steps_visits_each_once_and_spreads(count: int) -> None:
    order = spread(count)
    assert sorted(order) == list(range(count))
    if count >= 8:
        first = np.sort(order[: count // 4])
        assert np.diff(first).max() <= 8


def test_partial_maps_are_near_the_last(resnet_handle: ModelHandle) -> None:
    seen = list(events("integrated_gradients", resnet_handle, noise(64), steps=32))
    partial = [event.value.heat for event in seen if isinstance(event, Partial)]
    final = seen[-1].value.heat
    assert 4 <= len(partial) <= 8
    assert np.corrcoef(partial[-1].ravel(), final.ravel())[0, 1] > 0.9


def test_a_sketch_comes_before_the_steps_are_placed(resnet_handle: ModelHandle) -> None:
    seen = list(events("integrated_gradients", resnet_handle, noise(64), steps=32))
    assert isinstance(seen[2], Partial)
    sketch, final = seen[2].value, seen[-1].value
    assert sketch.facts[1].value == 2
    assert "a first sketch" in sketch.facts[0].words
    assert np.corrcoef(sketch.heat.ravel(), final.heat.ravel())[0, 1] > 0.5
    few = list(events("integrated_gradients", resnet_handle, noise(64), steps=12))
    first = next(event for event in few if isinstance(event, Partial))
    assert "sketch" not in first.value.facts[0].words, "beside few steps it would cost too much"


def test_a_photo_that_is_the_baseline_has_nothing_to_show(resnet_handle: ModelHandle) -> None:
    found = explain("integrated_gradients", resnet_handle, np.zeros((1, 3, 64, 64), np.float32))
    assert not found.heat.any()
    assert found.remark == "nothing here changes the answer for cat"


def test_the_seed_of_a_noise_baseline_is_kept(resnet_handle: ModelHandle) -> None:
    one, again, other = (
        explain("integrated_gradients", resnet_handle, noise(64), steps=2, baseline="noise", seed=s)
        for s in (7, 7, 8)
    )
    assert one.provenance.seed == 7
    np.testing.assert_array_equal(one.heat, again.heat)
    assert not np.array_equal(one.heat, other.heat)
    plain = explain("integrated_gradients", resnet_handle, noise(64), steps=2, seed=7)
    assert plain.provenance.seed is None
