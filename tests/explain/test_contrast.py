"""One class minus another at any layer: against the maps by hand, and against the one pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from petvision.errors import ConfigError
from petvision.events import result_of
from petvision.explain.base import Context
from petvision.explain.contrast import difference
from petvision.explain.registry import METHODS, parameters
from petvision.explain.results import Attribution
from petvision.models.handle import ModelHandle
from tests.explain.tiny import handle_of, noise, prepared, small_resnet

SIZE = 64
CAMS = ("gradcam", "gradcam_plusplus", "hirescam", "layercam")


def contrast(handle: ModelHandle, layer: str, method: str = "gradcam") -> Attribution:
    context = Context(handle, prepared(noise(SIZE)), None, "dog")
    values = parameters(method, {"layer": layer})
    found = result_of(difference(context, METHODS[method], values, "cat"))  # type: ignore[arg-type]
    assert isinstance(found, Attribution)
    return found


@pytest.mark.parametrize("method", ["gradcam", "hirescam"])
def test_the_last_layer_named_gives_what_the_one_pass_gives(method: str) -> None:
    handle = handle_of(small_resnet(), SIZE)
    named, known = contrast(handle, "layer4", method), contrast(handle, "", method)
    span = np.abs(known.heat).max()
    np.testing.assert_allclose(named.heat, known.heat, atol=1e-5 * span)
    assert (named.target, named.signed) == (known.target, known.signed) == ("dog − cat", True)
    assert named.facts[0].value == pytest.approx(known.facts[0].value, abs=1e-4)


@pytest.mark.parametrize("layer", ["layer2", "layer3"])
def test_what_speaks_against_a_class_is_not_cut_off_before_it_is_taken_away(layer: str) -> None:
    handle = handle_of(small_resnet(), SIZE)
    kept: list[torch.Tensor] = []

    def keep(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
        output.retain_grad()
        kept.append(output)

    hook = handle.network.get_submodule(layer).register_forward_hook(keep)
    logits = handle.network(torch.tensor(noise(SIZE)).requires_grad_())[0]
    hook.remove()
    raw = []
    for logit in (logits[1], logits[0]):
        kept[0].grad = None
        logit.backward(retain_graph=True)
        gradient = kept[0].grad
        assert gradient is not None
        raw.append((gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1)[0].detach().numpy())
    expected = raw[0] - raw[1]
    found = contrast(handle, layer).heat
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    cut = np.maximum(raw[0], 0) - np.maximum(raw[1], 0)
    assert np.abs(found - cut).max() > 0.1 * np.abs(expected).max()


@pytest.mark.parametrize("method", CAMS)
def test_every_cam_has_a_difference_on_a_network_without_an_average(method: str) -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 15 * 15, 2)
    ).eval()
    found = contrast(handle_of(plain, SIZE), "", method)
    assert found.heat.shape == (15, 15)
    assert found.heat.any()


@pytest.mark.parametrize("layer", ["nowhere", "fc"])
def test_a_layer_without_maps_is_named(layer: str) -> None:
    with pytest.raises(ConfigError, match=f"'{layer}'"):
        contrast(handle_of(small_resnet(), SIZE), layer)
