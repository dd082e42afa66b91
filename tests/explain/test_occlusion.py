import numpy as np
import pytest
import torch

from petvision.errors import ConfigError
from petvision.events import Partial
from petvision.explain.fills import fill
from petvision.explain.occlusion import Windows
from petvision.models.handle import ModelHandle
from petvision.models.resnet import ResNet
from tests.explain.tiny import WeighedPixels, events, explain, handle_of, noise


def looks_at(row: int, column: int, size: int = 16) -> WeighedPixels:
    weights = torch.zeros(1, 3, size, size)
    weights[0, 0, row, column] = 1.0
    return WeighedPixels(weights)


def test_heat_lies_exactly_on_the_windows_that_cover_the_pixel() -> None:
    pixels = np.ones((1, 3, 16, 16), np.float32)
    found = explain("occlusion", handle_of(looks_at(5, 9), 16), pixels, window=4, stride=4)
    expected = np.zeros((16, 16))
    expected[4:8, 8:12] = 1.0  # the one window over (5, 9), whose value falls from 1 to 0
    np.testing.assert_array_equal(found.heat, expected)
    against = explain("occlusion", handle_of(looks_at(5, 9), 16), pixels, "dog", window=4, stride=4)
    np.testing.assert_array_equal(against.heat, -expected)


def test_overlapping_windows_are_averaged() -> None:
    pixels = np.full((1, 3, 16, 16), 2, np.float32)
    found = explain("occlusion", handle_of(looks_at(0, 0), 16), pixels, window=8, stride=4)
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
        "occlusion", resnet_handle, pixels, "dog", window=window, stride=stride, fill=cover, seed=3
    )
    tolerance = 1e-3 * max(np.ptp(expected[0]), np.abs(expected[0]).max())
    assert np.abs(ours.heat - expected[0]).max() <= tolerance


def test_partial_maps_are_whole_from_the_first_on() -> None:
    pixels = np.ones((1, 3, 64, 64), np.float32)
    handle = handle_of(looks_at(40, 40, 64), 64)
    seen = list(events("occlusion", handle, pixels, window=8, stride=4))
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
    assert np.abs(found.heat).max() < 1e-5
