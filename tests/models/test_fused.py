import copy

import numpy as np
import pytest
import torch
from torch import nn

from petvision.models.architectures import build
from petvision.models.engines.fused import FusedTrunk, can_fuse
from petvision.models.engines.torch_engine import TorchEngine
from petvision.models.fold import fold_batchnorm
from tests.models.tiny import tiny_resnet


def folded(architecture: str) -> nn.Module:
    network = copy.deepcopy(tiny_resnet(architecture)).eval().requires_grad_(False)
    fold_batchnorm(network)
    return network


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
@pytest.mark.parametrize("side", [64, 75, 97])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_fused_layers_are_the_layers(architecture, side, batch):
    network = folded(architecture)
    assert can_fuse(network)
    x = torch.randn(batch, 3, side, side, generator=torch.Generator().manual_seed(side))
    with torch.inference_mode():
        right = network.trunk(x)
        found = FusedTrunk(network, side)(x)
    assert found.shape == right.shape
    assert float((found - right).abs().max()) <= 1e-5 * float(right.max())


def test_one_picture_and_a_batch_get_the_same_answer_from_the_reference():
    engine = TorchEngine(folded("resnet50"))
    x = np.random.default_rng(0).normal(size=(3, 3, 64, 64)).astype(np.float32)
    together = engine.forward(x, maps=True)
    for index in range(3):
        alone = engine.forward(x[index : index + 1], maps=True)
        assert np.allclose(alone.features[0], together.features[index], rtol=1e-4, atol=1e-5)
        assert np.allclose(alone.maps[0], together.maps[index], rtol=1e-4, atol=1e-5)


def test_one_engine_takes_pictures_of_another_size():
    network = folded("resnet18")
    engine = TorchEngine(network)
    for side in (64, 96, 64):
        x = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(side))
        with torch.inference_mode():
            right = network.trunk(x).mean((2, 3))
        found = engine.forward(x.numpy()).features
        assert np.abs(found - right.numpy()).max() <= 1e-5 * float(right.max())


def test_networks_that_are_no_folded_residual_network_are_left_alone():
    assert not can_fuse(tiny_resnet("resnet18"))  # BatchNorm is still there
    assert not can_fuse(build("alexnet-gap", 2))
