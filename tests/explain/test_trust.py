"""The badge on networks whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from petvision.events import Progress, Result, result_of
from petvision.explain import trust
from petvision.explain.base import Context
from petvision.explain.registry import method, parameters
from petvision.explain.results import Attribution, Curves, Trust
from petvision.explain.trust import (
    Referee,
    adds_up,
    better_than,
    chance_orders,
    depends_on_weights,
    insertion_and_deletion,
    ranks,
)
from petvision.explain.twins import shuffled
from petvision.images.types import Floats
from petvision.models.handle import ModelHandle
from tests.explain.tiny import handle_of, noise, prepared, small_resnet

SIZE = 40


class RedCorner(nn.Module):
    """Cat is a striped red upper left corner."""

    def __init__(self) -> None:
        super().__init__()
        stripes = torch.zeros(1, 3, SIZE, SIZE)
        stripes[0, 0, 4:14, 4:14] = 1.0
        stripes[0, 0, 4:14:2, 4:14] = -1.0
        self.weights = nn.Parameter(stripes)

    def forward(self, x: Tensor) -> Tensor:
        cat = 0.1 * (x * self.weights).sum((1, 2, 3)) - 2.5
        return torch.stack([cat, -cat], 1)


@pytest.fixture
def question() -> Context:
    pixels = noise(SIZE)
    pixels[0, 0, 4:14, 4:14] = 1.0
    pixels[0, 0, 4:14:2, 4:14] = -1.0
    return Context(handle_of(RedCorner(), SIZE), prepared(pixels), None, "cat")


def found_by(question: Context, heat: Floats, name: str = "occlusion") -> Attribution:
    values = parameters(name, {"window": 10, "stride": 10} if name == "occlusion" else {})
    one = result_of(method(name).run(question, values))
    assert isinstance(one, Attribution)
    return replace(one, heat=heat)


def judged(question: Context, heat: Floats) -> Trust:
    values = parameters("occlusion", {"window": 10, "stride": 10})
    return result_of(Referee().judge(question, values, found_by(question, heat)))


def spot(row: int, column: int) -> Floats:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 50).astype(np.float32)


def test_a_map_on_the_evidence_is_green_and_says_why(question: Context) -> None:
    found = judged(question, spot(9, 9))
    assert found.light == "green"
    assert found.code == "passed"
    assert [check.code for check in found.checks] == ["random", "blob", "randomised"]
    assert all(check.low > 0 for check in found.checks[:2])
    assert found.words.startswith("It finds cat sooner than random orders do (by ")
    assert found.twin is not None
    assert len(found.correlations) == trust.SEEDS
    assert found.own is not None
    assert found.own.insertion.shape == (1, 11)
    assert found.random is not None
    assert found.random.deletion.shape == (10, 11)


def test_a_map_on_the_opposite_corner_is_red_and_says_why(question: Context) -> None:
    found = judged(question, spot(35, 35))
    assert found.light == "red"
    assert found.code in ("random", "blob")
    assert "find cat sooner than this map" in found.words


def test_a_map_that_is_empty_is_not_judged(question: Context) -> None:
    empty = found_by(question, np.zeros((SIZE, SIZE), np.float32))
    found = result_of(
        Referee().judge(question, parameters("occlusion", {}), replace(empty, remark="no evidence"))
    )
    assert (found.light, found.code) == ("red", "empty")
    assert found.words == "There is nothing to judge: no evidence."


def test_a_shuffled_network_that_sees_nothing_does_not_count_as_another_map(
    question: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blind(RedCorner):
        def forward(self, x: Tensor) -> Tensor:
            return 0 * super().forward(x)

    def twin_of(blind: set[int]):
        def make(handle: ModelHandle, seed: int):
            yield Progress(0, 1, "shuffling")
            return handle_of(Blind() if seed in blind else RedCorner(), SIZE)

        return make

    monkeypatch.setattr(trust, "shuffled", twin_of({0, 2}))
    found = judged(question, spot(9, 9))
    (check,) = [check for check in found.checks if check.code == "randomised"]
    assert len(found.correlations) == trust.SEEDS
    assert min(found.correlations) == max(found.correlations) > 0  # the same network thrice
    assert found.twin is not None
    assert found.twin.heat.any()
    monkeypatch.setattr(trust, "shuffled", twin_of(set(range(trust.TRIES))))
    found = judged(question, spot(9, 9))
    (check,) = [check for check in found.checks if check.code == "randomised"]
    assert (check.light, found.light) == ("amber", "amber")
    assert "see nothing here" in check.words


def test_the_curves_begin_and_end_where_photo_and_blur_are(question: Context) -> None:
    handle = question.handle
    orders = [ranks(noise(SIZE)[0, 0], 0), ranks(spot(3, 3), 0)]
    curves = run(insertion_and_deletion(question, orders))
    whole = handle.heads.scores(handle.logits(question.pixels))[0]
    np.testing.assert_allclose(curves[:, 0, -1], [whole, whole], rtol=1e-5)
    np.testing.assert_allclose(curves[:, 1, 0], [whole, whole], rtol=1e-5)
    np.testing.assert_allclose(curves[:, 0, 0], curves[:, 1, -1], rtol=1e-5)
    np.testing.assert_allclose(curves.sum(-1), 1, rtol=1e-5)


def test_half_way_half_of_the_pixels_are_there(question: Context) -> None:
    """The logit of this network is linear, so its change is what the uncovered pixels weigh."""
    order = ranks(spot(20, 20), 0)
    curves = run(insertion_and_deletion(question, [order]))
    from petvision.explain.fills import fill

    mixed = np.where(
        order < 800, question.pixels, fill(question.pixels, question.handle.spec, "blur")
    )
    expected = question.handle.heads.scores(question.handle.logits(mixed.astype(np.float32)))[0]
    np.testing.assert_allclose(curves[0, 0, 5], expected, rtol=1e-5)


def test_chance_is_computed_once_for_all_maps_of_a_photo(question: Context) -> None:
    referee, values = Referee(), parameters("occlusion", {"window": 20, "stride": 20})
    heat = found_by(question, spot(9, 9))
    first = list(referee.judge(question, values, heat))
    again = list(referee.judge(question, values, heat))
    assert len(again) < len(first)
    one, other = first[-1], again[-1]
    assert isinstance(one, Result)
    assert isinstance(other, Result)
    assert one.value.checks == other.value.checks


def test_it_can_be_stopped_at_every_step(question: Context) -> None:
    values, heat = (
        parameters("occlusion", {"window": 20, "stride": 20}),
        found_by(question, spot(9, 9)),
    )
    before = [p.detach().clone() for p in question.handle.network.parameters()]
    steps = len(list(Referee().judge(question, values, heat)))
    for stop in range(0, steps, 7):
        job = Referee().judge(question, values, heat)
        for _ in range(stop):
            assert isinstance(next(job), Progress)
        job.close()  # type: ignore[attr-defined]
    for weights, kept in zip(question.handle.network.parameters(), before, strict=True):
        assert torch.equal(weights, kept)


def test_orders_of_chance_are_whole_and_repeatable() -> None:
    random, spots = chance_orders(SIZE, 3)
    assert len(random) == len(spots) == trust.ORDERS
    for order in (*random, *spots):
        assert sorted(order.ravel()) == list(range(SIZE * SIZE))
    again, _ = chance_orders(SIZE, 3)
    np.testing.assert_array_equal(random[4], again[4])


def test_equal_heat_is_uncovered_in_no_particular_order() -> None:
    order = ranks(np.zeros((SIZE, SIZE), np.float32), 0)
    first = order < SIZE * SIZE // 2
    assert 0.4 < first[: SIZE // 2].mean() < 0.6


def curves(areas: list[float]) -> Curves:
    shares = np.linspace(0, 1, 11, dtype=np.float32)
    level = np.array(areas, np.float32)[:, None] * np.ones((1, 11), np.float32)
    return Curves("", shares, level, np.zeros_like(level))


@pytest.mark.parametrize(
    ("own", "others", "light"),
    [
        (0.5, [0.1, 0.2, 0.3] * 3, "green"),
        (0.2, [0.1, 0.2, 0.3] * 3, "amber"),
        (0.0, [0.1, 0.2, 0.3] * 3, "red"),
        (0.2, [0.2] * 10, "amber"),  # no better and no worse
    ],
)
def test_the_light_follows_the_interval(own: float, others: list[float], light: str) -> None:
    check = better_than(curves([own]), curves(others), "random", "random orders", "dog", 0)
    assert check.light == light
    assert check.low <= check.value <= check.high
    assert check.value == pytest.approx(own - np.mean(others), abs=1e-6)


@pytest.mark.parametrize(
    ("mean", "light"), [(-0.9, "green"), (0.3, "green"), (0.4, "amber"), (0.51, "red")]
)
def test_the_light_follows_the_shuffled_weights(mean: float, light: str) -> None:
    check = depends_on_weights([mean - 0.1, mean, mean + 0.1])
    assert check.light == light
    assert check.value == pytest.approx(mean)


@pytest.mark.parametrize(("gap", "light"), [(4.9, "green"), (5.1, "amber"), (15.1, "red")])
def test_the_light_follows_the_gap(gap: float, light: str) -> None:
    assert adds_up(gap).light == light
    assert f"{gap:.0f}" in adds_up(gap).words or light == "green"


def test_every_threshold_has_its_reason() -> None:
    assert all(limit.reason for limit in trust.LIMITS.values())


@pytest.fixture
def handle() -> ModelHandle:
    return handle_of(small_resnet(), 64)


def run(job: object) -> object:
    try:
        while True:
            next(job)  # type: ignore[call-overload]
    except StopIteration as stop:
        return stop.value


def test_a_shuffled_network_has_the_same_weights_elsewhere(handle: ModelHandle) -> None:
    before = [p.detach().clone() for p in handle.network.parameters()]
    twin, again, other = (run(shuffled(handle, seed)) for seed in (0, 0, 1))
    moved = 0
    for kept, now, one, same, different in zip(
        before,
        *(list(h.network.parameters()) for h in (handle, twin, again, other)),
        strict=True,
    ):
        assert torch.equal(kept, now)
        assert torch.equal(one, same)
        assert torch.equal(one.flatten().sort().values, kept.flatten().sort().values)
        moved += not torch.equal(one, kept) and not torch.equal(one, different)
    assert moved > len(before) // 2
    np.testing.assert_array_equal(
        twin.heads.classifier.weight, twin.network.fc.weight.detach().numpy()
    )


def test_the_shuffled_networks_closed_form_is_its_own(handle: ModelHandle) -> None:
    twin = run(shuffled(handle, 0))
    question = Context(twin, prepared(noise(64)), None, "cat")
    closed = result_of(method("gradcam").run(question, parameters("gradcam", {})))
    by_gradient = result_of(
        method("gradcam").run(question, parameters("gradcam", {"layer": "layer4"}))
    )
    np.testing.assert_allclose(closed.heat, by_gradient.heat, rtol=1e-3, atol=1e-5)


def test_a_grad_cam_gap_is_nobodys_business(question: Context) -> None:
    found = judged(question, spot(9, 9))
    assert "gap" not in [check.code for check in found.checks]
