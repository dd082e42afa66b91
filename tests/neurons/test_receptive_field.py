"""Boxes equal the gradient's footprint on networks whose weights are all one."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from petvision.models.architectures import build
from petvision.models.fold import fold_batchnorm
from petvision.models.handle import from_network
from petvision.models.resnet import BasicBlock, ResNet
from petvision.neurons.graph import watch
from petvision.neurons.layers import anatomy_of
from petvision.neurons.passes import answer_of
from petvision.neurons.receptive_field import field

SIZE = 224
LAYERS = {
    "resnet18": ("conv1", "layer1.1.conv2", "layer2.0.conv1", "layer2.0.downsample.0",
                 "layer3.1.conv1", "layer4.1.conv2"),
    "alexnet": ("features.0", "features.3", "features.6", "features.10"),
    "vgg16": ("features.0", "features.7", "features.17", "features.28"),
    "efficientnet-lite0": ("conv_stem", "blocks.3.depthwise_conv", "blocks.4.project_conv"),
}  # fmt: skip


def all_ones(architecture: str) -> nn.Module:
    """The network with positive weights: nothing cancels, and average pools pass all gradients."""
    network = build(architecture, 2)
    fold_batchnorm(network)
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.MaxPool2d):
            pool = nn.AvgPool2d(module.kernel_size, module.stride, module.padding)
            parent, _, own = name.rpartition(".")
            setattr(network.get_submodule(parent), own, pool)
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network.double().eval()


def footprints(network: nn.Module, layer: str, cells: set[tuple[int, int]]):
    """For each cell, the box of the pixels that its answer depends on."""
    pixels = torch.ones(1, 3, SIZE, SIZE, dtype=torch.float64, requires_grad=True)
    answer = answer_of(network, layer, pixels)
    for row, column in cells:
        (gradient,) = torch.autograd.grad(answer[0, 0, row, column], pixels, retain_graph=True)
        seen = gradient[0].abs().sum(0) > 0
        rows, columns = (torch.nonzero(seen.any(axis)).flatten() for axis in (1, 0))
        box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
        yield (row, column), box


@pytest.mark.parametrize("architecture", LAYERS)
def test_boxes_are_the_gradients_footprint(architecture):
    network = all_ones(architecture)
    graph = watch(network, SIZE)
    for layer in LAYERS[architecture]:
        _, high, wide = graph.shapes[layer]
        cells = {(0, 0), (high // 2, wide // 2), (high - 1, wide // 3), (1, wide - 1)}
        for cell, box in footprints(network, layer, cells):
            assert field(graph, layer, cell) == box, (layer, cell)


def test_known_sizes():
    """Arithmetic by hand: 7, then 11 after the pooling, 8 more a 3×3 convolution at stride 4."""
    graph = watch(build("resnet18", 2), SIZE)
    left, top, right, bottom = field(graph, "conv1", (50, 50))
    assert (right - left, bottom - top) == (7, 7)
    left, _, right, _ = field(graph, "layer1.0.conv1", (28, 28))
    assert right - left == 19
    left, _, right, _ = field(graph, "layer2.0.conv1", (14, 14))
    assert right - left == 51


def test_watching_leaves_the_network_alone():
    network = ResNet(BasicBlock, (1, 1, 1, 1), 2)
    before = copy.deepcopy(network.state_dict())
    watch(network, 64)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
    assert next(network.parameters()).device.type == "cpu"


def test_a_relu_after_a_sum_is_told_from_one_before():
    network = ResNet(BasicBlock, (1, 1, 1, 1), 2)
    layers = {layer.name: layer for layer in anatomy_of(from_network(network, "ab")).layers}
    assert not layers["conv1"].before_sum
    assert not layers["layer1.0.conv1"].before_sum
    assert layers["layer1.0.conv2"].before_sum
    assert layers["layer2.0.downsample.0"].before_sum


def test_batchnorm_that_was_not_folded_is_part_of_the_answer():
    """In a block of its own build the BatchNorm stays, and is where the answer is read."""

    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
            self.act, self.fc = nn.ReLU6(), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.act(self.norm(self.conv(x))).mean((2, 3)))

    anatomy = anatomy_of(from_network(Odd(), "ab"))
    assert anatomy.taps["conv"].module == "norm"
    assert anatomy.taps["conv"].most == 6
    assert not anatomy.convolution("conv").before_sum
