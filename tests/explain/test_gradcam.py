import numpy as np
import pytest
import torch
from torch import nn

from petvision.errors import ConfigError
from petvision.explain.results import Attribution
from petvision.models.handle import ModelHandle
from tests.explain.tiny import ConvPoolLinear, explain, handle_of, noise


def red_and_green(fc: list[list[float]]) -> ConvPoolLinear:
    """Map 0 is the red channel, map 1 the green one."""
    convolution = nn.Conv2d(3, 2, 1, bias=False)
    convolution.weight.data = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).reshape(2, 3, 1, 1)
    linear = nn.Linear(2, 2, bias=False)
    linear.weight.data = torch.tensor(fc)
    return ConvPoolLinear(convolution, linear)


def a_red_and_a_green_spot() -> np.ndarray:
    pixels = np.zeros((1, 3, 4, 4), np.float32)
    pixels[0, 0, 1, 2] = 8.0
    pixels[0, 1, 3, 0] = 4.0
    return pixels


def test_the_map_is_what_the_hand_works_out() -> None:
    handle = handle_of(red_and_green([[2.0, -1.0], [-2.0, 3.0]]), 4)
    cat = explain("gradcam", handle, a_red_and_a_green_spot(), "cat")
    dog = explain("gradcam", handle, a_red_and_a_green_spot(), "dog")
    expected_cat, expected_dog = np.zeros((4, 4)), np.zeros((4, 4))
    expected_cat[1, 2] = 2 * 8 / 16
    expected_dog[3, 0] = 3 * 4 / 16
    assert isinstance(cat, Attribution)
    assert isinstance(dog, Attribution)
    np.testing.assert_allclose(cat.heat, expected_cat)
    np.testing.assert_allclose(dog.heat, expected_dog)
    facts = {fact.code: fact.value for fact in cat.facts}
    assert facts == {"logit": 0.75, "evidence_for": 1.0, "evidence_against": 0.25}


def test_gradients_through_the_tail_give_the_closed_forms_map(resnet_handle: ModelHandle) -> None:
    for target in ("cat", "dog"):
        closed = explain("gradcam", resnet_handle, noise(64), target)
        by_gradient = explain("gradcam", resnet_handle, noise(64), target, layer="layer4")
        assert closed.heat.any() or closed.remark
        np.testing.assert_allclose(closed.heat, by_gradient.heat, atol=1e-6)


def test_a_plain_network_without_a_pooled_head_is_differentiated() -> None:
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(5 * 16, 2),
    )
    found = explain("gradcam", handle_of(network, 16), noise(16))
    assert found.heat.shape == (8, 8)  # the grid of the last convolution, not of what follows
    assert "4" in found.unit
    same = explain("gradcam", handle_of(network, 16), noise(16), layer="4")
    np.testing.assert_array_equal(found.heat, same.heat)


def test_no_evidence_is_said_and_never_stretched() -> None:
    handle = handle_of(red_and_green([[-2.0, -1.0], [1.0, 1.0]]), 4)
    found = explain("gradcam", handle, a_red_and_a_green_spot(), "cat")
    assert not found.heat.any()
    assert found.remark == "no positive evidence for cat here"


def test_weights_that_are_no_numbers_give_a_sentence() -> None:
    handle = handle_of(red_and_green([[float("nan"), 0.0], [0.0, 0.0]]), 4)
    found = explain("gradcam", handle, a_red_and_a_green_spot(), "cat")
    assert not found.heat.any()
    assert found.remark == "the network gave no number for cat here"
    assert found.facts == ()


@pytest.mark.parametrize("layer", ["layer9", "fc", "avgpool.nothing"])
def test_a_layer_without_maps_is_refused(resnet_handle: ModelHandle, layer: str) -> None:
    with pytest.raises(ConfigError, match="a layer with maps"):
        explain("gradcam", resnet_handle, noise(64), layer=layer)
