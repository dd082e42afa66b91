"""Residual networks from scratch, with torchvision's tensor names.

Paper: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016. As in torchvision, the
stride of a bottleneck sits in its 3×3 convolution ("ResNet V1.5").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

STAGES = ("layer1", "layer2", "layer3", "layer4")


def _conv3x3(planes_in: int, planes: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(planes_in, planes, 3, stride=stride, padding=1, bias=False)


def _conv1x1(planes_in: int, planes: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(planes_in, planes, 1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut (ResNet-18 and -34)."""

    expansion = 1

    def __init__(self, planes_in: int, planes: int, stride: int, shortcut: nn.Module | None):
        super().__init__()
        self.conv1 = _conv3x3(planes_in, planes, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = _conv3x3(planes, planes)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W in, N×planes×H/stride×W/stride out."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += x if self.downsample is None else self.downsample(x)
        return cast(Tensor, self.relu(y))


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 convolutions beside a shortcut (ResNet-50 and deeper)."""

    expansion = 4

    def __init__(self, planes_in: int, planes: int, stride: int, shortcut: nn.Module | None):
        super().__init__()
        self.conv1 = _conv1x1(planes_in, planes)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = _conv3x3(planes, planes, stride)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = _conv1x1(planes, planes * self.expansion)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W in, N×4·planes×H/stride×W/stride out."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        return cast(Tensor, self.relu(y))


class ResNet(nn.Module):
    """A residual network of any depth.

    Args:
        block: the kind of residual block.
        blocks_per_stage: how many blocks layer1 … layer4 have.
        classes: width of the last linear layer.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        blocks_per_stage: Sequence[int],
        classes: int,
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        planes_in = 64
        for i, (stage, blocks) in enumerate(zip(STAGES, blocks_per_stage, strict=True)):
            planes, stride = 64 << i, 1 if i == 0 else 2
            self.add_module(stage, _stage(block, planes_in, planes, blocks, stride))
            planes_in = planes * block.expansion
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(planes_in, classes)
        self._initialise()

    def trunk(self, x: Tensor) -> Tensor:
        """All layers before the pooling: N×3×H×W in, N×features×H/32×W/32 out."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in STAGES:
            x = self.get_submodule(stage)(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Logits N×classes of normalised pictures N×3×H×W."""
        return cast(Tensor, self.fc(torch.flatten(self.avgpool(self.trunk(x)), 1)))

    def _initialise(self) -> None:
        for module in self.modules():
            # Nothing to draw without memory (and torch's meta device takes a second over it).
            if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _stage(
    block: type[BasicBlock] | type[Bottleneck],
    planes_in: int,
    planes: int,
    blocks: int,
    stride: int,
) -> nn.Sequential:
    planes_out = planes * block.expansion
    shortcut = None
    if stride != 1 or planes_in != planes_out:
        shortcut = nn.Sequential(
            _conv1x1(planes_in, planes_out, stride), nn.BatchNorm2d(planes_out)
        )
    first = block(planes_in, planes, stride, shortcut)
    rest = (block(planes_out, planes, 1, None) for _ in range(blocks - 1))
    return nn.Sequential(first, *rest)


SHAPES: dict[str, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
}


def build_resnet(
    architecture: str, classes: int, blocks_per_stage: Sequence[int] | None = None
) -> ResNet:
    """A freshly initialised network of one of ``SHAPES``, or of other ``blocks_per_stage``."""
    block, blocks = SHAPES[architecture]
    return ResNet(block, blocks_per_stage or blocks, classes)


def grow(tensors: dict[str, Tensor], blocks_per_stage: Sequence[int]) -> dict[str, Tensor]:
    """A deeper network's tensors that compute the same function, bit for bit.

    Each added block takes its stage's last block's convolutions and a last BatchNorm whose weight
    and bias are zero: its residual branch gives zero and the shortcut passes the (non-negative)
    input through. The branch can learn again from the first step on.

    Args:
        tensors: a bottleneck network's, with torchvision's names.
        blocks_per_stage: of the deeper network; a stage of one block cannot grow.

    Returns:
        A new dictionary; the tensors it shares with ``tensors`` are not copied.
    """
    grown = dict(tensors)
    for stage, blocks in zip(STAGES, blocks_per_stage, strict=True):
        have = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith(stage + "."))
        last = {n: t for n, t in tensors.items() if n.startswith(f"{stage}.{have - 1}.")}
        for index in range(have, blocks):
            for name, tensor in last.items():
                tail = name.split(".", 2)[2]
                silent = tail in ("bn3.weight", "bn3.bias")
                copy = torch.zeros_like(tensor) if silent else tensor.clone()
                grown[f"{stage}.{index}.{tail}"] = copy
    return grown
