"""The CAM methods beside pytorch-grad-cam, and their closed form beside autograd."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from petvision.explain.base import Context
from petvision.explain.cams import Cam
from petvision.explain.registry import METHODS
from petvision.images.types import Floats
from petvision.models.handle import ModelHandle, from_network
from petvision.models.resnet import ResNet
from petvision.models.torchvision_door import torchvision
from tests.explain.tiny import CLASSES, explain, handle_of, noise, prepared, small_resnet

CAMS = [name for name, method in METHODS.items() if isinstance(method, Cam)]
PEERS = {
    "gradcam": "GradCAM",
    "gradcam_plusplus": "GradCAMPlusPlus",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
}


def peers_raw_map(name: str, network: nn.Module, layer: str, pixels: Floats, target: int) -> Floats:
    """What pytorch-grad-cam computes before it scales the map, with what is negative cut off."""
    torchvision()  # before grad-cam, which imports it
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    layers = [network.get_submodule(layer)]
    with getattr(pytorch_grad_cam, PEERS[name])(network, layers) as peer:
        wanted = [ClassifierOutputTarget(target)]
        peer(torch.from_numpy(pixels), wanted)
        activations = peer.activations_and_grads.activations[0].numpy()
        gradients = peer.activations_and_grads.gradients[0].numpy()
        raw = peer.get_cam_image(None, layers[0], wanted, activations, gradients, False)[0]
    return np.maximum(raw, 0)


def test_the_family_is_walked() -> None:
    assert list(PEERS) == CAMS


@pytest.mark.parametrize("layer", ["layer4", "layer3", "layer2.0", "layer1"])
@pytest.mark.parametrize("name", CAMS)
def test_the_raw_map_is_pytorch_grad_cams(name: str, layer: str) -> None:
    network = small_resnet()
    # Large logits, beside which grad-cam's small number against division by zero (Grad-CAM++)
    # plays no part.
    network.fc.weight.data *= 3000
    handle, pixels = handle_of(network, 64), noise(64, seed=3)
    for index, target in enumerate(CLASSES):
        raw = peers_raw_map(name, network, layer, pixels, index)
        ours = explain(name, handle, pixels, target, layer=layer)
        tolerance = 3e-3 if name == "gradcam_plusplus" else 1e-4
        assert np.abs(ours.heat - raw).max() <= tolerance * max(raw.max(), 1)
        assert raw.any() or ours.remark


def context_of(handle: ModelHandle, target: str = "cat") -> Context:
    return Context(handle, prepared(noise(64, seed=1)), None, target)


@pytest.mark.parametrize("name", CAMS)
def test_one_forward_pass_gives_every_class_what_autograd_gives(
    resnet_handle: ModelHandle, name: str
) -> None:
    method = METHODS[name]
    assert isinstance(method, Cam)
    maps = method.class_maps(context_of(resnet_handle))
    everything = maps.all_raw()
    assert everything.shape == (2, 2, 2)
    for index, target in enumerate(CLASSES):
        pixels = noise(64, seed=1)
        by_gradient = explain(name, resnet_handle, pixels, target, layer="layer4")
        closed = maps.attribution(target)
        np.testing.assert_allclose(closed.heat, by_gradient.heat, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(
            closed.heat, explain(name, resnet_handle, pixels, target).heat
        )
        np.testing.assert_allclose(everything[index], maps.raw(target), rtol=1e-4, atol=1e-7)
        assert closed.target == target
        assert closed.facts[0].value == pytest.approx(by_gradient.facts[0].value, rel=1e-4)


@pytest.mark.parametrize("name", ["gradcam", "hirescam"])
def test_the_raw_map_adds_up_to_the_logit(
    resnet: ResNet, resnet_handle: ModelHandle, name: str
) -> None:
    method = METHODS[name]
    assert isinstance(method, Cam)
    maps = method.class_maps(context_of(resnet_handle))
    bias = resnet.fc.bias.detach().numpy()
    np.testing.assert_allclose(maps.all_raw().sum((1, 2)) + bias, maps.logits, rtol=1e-4)


def test_one_class_minus_another_is_the_difference_of_their_maps(
    resnet_handle: ModelHandle,
) -> None:
    maps = METHODS["gradcam"].class_maps(context_of(resnet_handle))  # type: ignore[attr-defined]
    found = maps.difference("cat", "dog")
    np.testing.assert_allclose(found.heat, maps.raw("cat") - maps.raw("dog"), atol=1e-6)
    assert found.signed
    assert found.target == "cat − dog"
    np.testing.assert_allclose(maps.difference("dog", "cat").heat, -found.heat)
    assert maps.difference("cat", "cat").remark == "nothing here changes the answer for cat − cat"


def test_a_forward_pass_that_was_made_is_not_made_again(resnet_handle: ModelHandle) -> None:
    known = resnet_handle.engine.forward(noise(64, seed=1), maps=True)
    elsewhere = replace(context_of(resnet_handle), trunk=known, prepared=prepared(noise(64)))
    gradcam = METHODS["gradcam"]
    assert isinstance(gradcam, Cam)
    expected = gradcam.class_maps(context_of(resnet_handle)).all_raw()
    np.testing.assert_array_equal(gradcam.class_maps(elsewhere).all_raw(), expected)


def test_a_thousand_classes_take_no_more_than_one_forward_pass() -> None:
    torch.manual_seed(0)
    network = small_resnet()
    network.fc = nn.Linear(512, 1000)
    handle = from_network(network, [f"class {i}" for i in range(1000)], handle_of(network, 64).spec)
    for name in CAMS:
        method = METHODS[name]
        assert isinstance(method, Cam)
        assert method.class_maps(context_of(handle, "class 7")).all_raw().shape == (1000, 2, 2)
