"""The bundled ResNet-101 beside captum, grad-cam and a plain loop, on a sample photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from petvision.events import result_of
from petvision.explain.base import Context
from petvision.explain.registry import method, parameters
from petvision.explain.results import Attribution
from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared
from petvision.images.types import Floats
from petvision.models.handle import open_model
from petvision.models.torchvision_door import torchvision
from petvision.models.zoo import find
from tests.benchmarks.prediction import plain_network
from tests.explain.test_smoothgrad import plain_smoothgrad

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def network(catdog: str) -> nn.Module:
    return plain_network(find(catdog))


@pytest.fixture(scope="module")
def question(catdog: str, samples: Path) -> Context:
    handle = open_model(catdog, device="cpu")
    prepared = open_prepared(source_of(str(samples / "cat.jpg")), handle.spec)
    return Context(handle, prepared, None, "cat")


def heat(question: Context, name: str, **values: object) -> Floats:
    found = result_of(method(name).run(question, parameters(name, values)))
    assert isinstance(found, Attribution)
    return found.heat


def test_exact_occlusion_is_captums(network: nn.Module, question: Context) -> None:
    from captum.attr import Occlusion

    theirs = Occlusion(network).attribute(
        torch.from_numpy(question.pixels), sliding_window_shapes=(3, 32, 32), strides=(3, 16, 16),
        target=question.index, perturbations_per_eval=8,
    )  # fmt: skip
    expected = theirs.detach().numpy()[0, 0]
    ours = heat(question, "occlusion", mode="exact")
    assert np.abs(ours - expected).max() <= 1e-3 * np.ptp(expected)


def test_128_equal_steps_are_captums(network: nn.Module, question: Context) -> None:
    from captum.attr import IntegratedGradients

    theirs = IntegratedGradients(network).attribute(
        torch.from_numpy(question.pixels), target=question.index, n_steps=128,
        method="riemann_middle", internal_batch_size=8,
    )  # fmt: skip
    expected = theirs.detach().numpy()[0].sum(0)
    ours = heat(question, "integrated_gradients", steps=128, placement="equal")
    assert np.abs(ours - expected).max() <= 1e-3 * np.ptp(expected)


def test_the_raw_grad_cam_is_grad_cams(network: nn.Module, question: Context) -> None:
    torchvision()  # before grad-cam, which imports it
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    wanted = [ClassifierOutputTarget(question.index)]
    layers = [network.get_submodule("layer4")]
    with GradCAM(network, layers) as peer:
        peer(torch.from_numpy(question.pixels), wanted)
        found = peer.activations_and_grads
        activations, gradients = found.activations[0].numpy(), found.gradients[0].numpy()
        raw = peer.get_cam_image(None, layers[0], wanted, activations, gradients, False)[0]
    expected = np.maximum(raw, 0)
    assert expected.any()
    assert np.abs(heat(question, "gradcam") - expected).max() <= 1e-4 * max(expected.max(), 1)


def test_smoothgrad_is_a_plain_loops_with_the_same_noise(
    network: nn.Module, question: Context
) -> None:
    expected = plain_smoothgrad(network, question.pixels, question.index, 4, 0.15, 7)
    ours = heat(question, "smoothgrad", samples=4, seed=7)
    assert np.abs(ours - expected).max() <= 1e-3 * expected.max()
