import copy

import pytest
import torch
from torch import nn

from petvision.models.fold import fold_batchnorm
from tests.models.tiny import lively, tiny_resnet


def folded(network: nn.Module) -> nn.Module:
    twin = copy.deepcopy(network)
    fold_batchnorm(twin)
    return twin


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
def test_the_folded_network_answers_as_before_without_any_batchnorm(architecture):
    network = tiny_resnet(architecture)
    x = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before, after = network(x), folded(network)(x)
    assert (before - after).abs().max() <= 1e-5 * (before.max() - before.min()).abs()
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded(network).modules())


def test_layers_keep_their_names():
    network = tiny_resnet("resnet50")
    assert dict(folded(network).named_modules()).keys() == dict(network.named_modules()).keys()


def test_a_convolution_with_a_bias_and_a_batchnorm_without_weights():
    pair = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2, affine=False), nn.ReLU())
    pair[1].running_mean[:] = torch.tensor([1.0, -1.0])
    pair[1].running_var[:] = torch.tensor([4.0, 0.25])
    pair.eval()
    x = torch.randn(3, 1, 5, 5)
    assert torch.allclose(pair(x), folded(pair)(x), atol=1e-6)


def test_what_only_looks_like_a_pair_is_left_alone():
    class Swapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)
            self.norm = nn.BatchNorm2d(3)

        def forward(self, x):
            return self.conv(self.norm(x))

    network = lively(Swapped())
    x = torch.randn(1, 3, 4, 4)
    assert torch.equal(network(x), folded(network)(x))
