"""Gradients by the pixels: OpenVINO's graph of convolutions beside torch's autograd."""

import numpy as np
import pytest
import torch

from petvision.models.engine import with_fast_engine
from petvision.models.engines.openvino_engine import has_bf16
from petvision.models.engines.openvino_gradients import OpenVinoGradients, can_differentiate
from petvision.models.engines.torch_engine import TorchGradients
from petvision.models.handle import from_network
from tests.models.tiny import SIZE, pictures, tiny_card, tiny_resnet

needs_bf16 = pytest.mark.skipif(not has_bf16(), reason="this processor has no bfloat16")


def handle_of(architecture: str = "resnet18"):
    return from_network(tiny_resnet(architecture), ("cat", "dog"), tiny_card().input_spec)


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
@pytest.mark.parametrize("size", [SIZE, SIZE + 13])
def test_openvinos_gradients_are_torchs(architecture, size):
    network = handle_of(architecture).network
    batch = pictures(3, size)
    right, logits = TorchGradients(network)(batch, 1)
    found, its_logits = OpenVinoGradients(network, size)(batch, 1)
    assert right.any()
    # Here and there the order of a sum decides on which side of zero a ReLU stands.
    assert np.median(np.abs(found - right)) <= 1e-6 * np.abs(right).max()
    assert np.corrcoef(found.ravel(), right.ravel())[0, 1] > 0.9999
    assert np.allclose(its_logits, logits, rtol=1e-5, atol=1e-6)


def test_two_graphs_on_the_memory_of_one_network_do_not_take_each_others_weights():
    handle = handle_of("resnet50")
    fast, batch = with_fast_engine(handle, "openvino-fp32"), pictures(1)
    right, _ = TorchGradients(handle.network)(batch, 0)
    for _ in range(2):
        features = fast.engine.forward(batch).features
        assert np.allclose(features, handle.reference.forward(batch).features, rtol=1e-4, atol=1e-5)
        found, _ = fast.gradients(batch, 0)
        assert np.corrcoef(found.ravel(), right.ravel())[0, 1] > 0.9999


def test_weights_that_are_no_numbers_are_left_to_torch():
    network = handle_of().network
    assert can_differentiate(network)
    with torch.no_grad():
        network.conv1.weight[0, 0, 0, 0] = float("nan")
    assert not can_differentiate(network)
    assert not can_differentiate(torch.nn.Linear(3, 2))


def test_the_gradients_go_with_the_engine():
    handle = handle_of()
    assert handle.gradients.name == "torch-fp32"
    fast = with_fast_engine(handle, "openvino-fp32")
    assert fast.gradients.name == "openvino-fp32"
    assert with_fast_engine(fast, "torch-fp32").gradients.name == "torch-fp32"
    assert fast.twin().gradients.name == "torch-fp32"


@needs_bf16
def test_gradients_are_in_float32_beside_bfloat16_too():
    handle = with_fast_engine(handle_of("resnet50"), "openvino-bf16")
    assert handle.engine.name == "openvino-bf16"
    assert handle.gradients.name == "openvino-fp32"
