import numpy as np
import pytest
import torch
from torch import Tensor, nn

from petvision.events import Partial
from petvision.explain.fills import fill
from petvision.explain.integrated_gradients import adaptive_steps, equal_steps, spread
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
    found = explain("integrated_gradients", resnet_handle, pixels, steps=4)
    ends = resnet_handle.logits(np.concatenate([np.zeros_like(pixels), pixels]))[:, 0]
    change = float(ends[1] - ends[0])
    assert gap(found) == pytest.approx(100 * abs(found.heat.sum() - change) / abs(change), rel=1e-2)


def test_steps_are_placed_where_the_score_changes() -> None:
    profile = np.array([0.0, 0, 0, 0, 1, 1, 1, 1, 1])  # everything happens in [3/8, 4/8]
    steps = adaptive_steps(50, profile)
    inside = (steps.alphas > 3 / 8) & (steps.alphas < 4 / 8)
    assert inside.sum() >= 40
    assert steps.weights.sum() == pytest.approx(1)
    assert steps.weights[inside].sum() == pytest.approx(1 / 8, abs=0.02)
    assert len(steps.alphas) == 50


@pytest.mark.parametrize("profile", [np.zeros(5), np.array([0.0, np.nan, 1.0])])
def test_a_flat_or_broken_profile_gives_equal_steps(profile: np.ndarray) -> None:
    np.testing.assert_array_equal(
        adaptive_steps(7, profile).alphas, equal_steps(7, "midpoint").alphas
    )


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
