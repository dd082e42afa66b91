"""EfficientNet-Lite0: the network for small devices that Google made of EfficientNet-B0.

Tan & Le, "EfficientNet", ICML 2019; the Lite form (2020) has ReLU6 for swish and no squeeze and
excitation. Tensor names are those of the PyTorch files that were converted from TensorFlow, without
their leading underscores. https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from petvision.models.cards import InputCard

# By stage: blocks, kernel, stride of the first block, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD = 32, 1280

INPUT = InputCard(
    size=224, resize=256, mean=(127 / 255,) * 3, std=(128 / 255,) * 3, interpolation="bicubic"
)
"""How the published weights were trained to see: (value − 127) / 128, bicubic, the middle 7/8."""


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's "SAME": where a side is odd, the end gets more."""

    def forward(self, x: Tensor) -> Tensor:
        """N×c×h×w in, N×c'×⌈h/stride⌉×⌈w/stride⌉ out."""
        sides = zip(x.shape[2:], self.kernel_size, self.stride, strict=True)
        (top, bottom), (left, right) = (_around(*side) for side in sides)
        if top or bottom or left or right:
            x = pad(x, (left, right, top, bottom))
        return super().forward(x)


def _around(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """How much to pad before and after a side, so that ⌈length/stride⌉ places come out."""
    places = -(-length // stride)
    total = max(0, (places - 1) * stride + kernel - length)
    return total // 2, total - total // 2


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class InvertedBottleneck(nn.Module):
    """Widen (1×1), look (depthwise), narrow (1×1); a shortcut where the shape stays."""

    FOLDS = (("expand_conv", "bn0"), ("depthwise_conv", "bn1"), ("project_conv", "bn2"))

    def __init__(self, planes_in: int, planes: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = planes_in * expansion
        self.expand_conv = SameConv2d(planes_in, wide, 1, bias=False) if expansion > 1 else None
        self.bn0 = _norm(wide) if expansion > 1 else None
        self.depthwise_conv = SameConv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self.bn1 = _norm(wide)
        self.project_conv = SameConv2d(wide, planes, 1, bias=False)
        self.bn2 = _norm(planes)
        self.relu = nn.ReLU6(inplace=True)
        self.shortcut = stride == 1 and planes_in == planes

    def forward(self, x: Tensor) -> Tensor:
        """N×planes_in×H×W in, N×planes×H/stride×W/stride out."""
        y = x
        if self.expand_conv is not None and self.bn0 is not None:
            y = self.relu(self.bn0(self.expand_conv(y)))
        y = self.relu(self.bn1(self.depthwise_conv(y)))
        y = self.bn2(self.project_conv(y))
        return cast(Tensor, y + x if self.shortcut else y)


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite0 with a linear layer of ``classes`` outputs."""

    FOLDS = (("conv_stem", "bn0"), ("conv_head", "bn1"))

    def __init__(self, classes: int):
        super().__init__()
        self.conv_stem = SameConv2d(3, STEM, 3, 2, bias=False)
        self.bn0 = _norm(STEM)
        self.relu0 = nn.ReLU6(inplace=True)
        blocks, planes_in = [], STEM
        for count, kernel, stride, expansion, planes in STAGES:
            for number in range(count):
                step = stride if number == 0 else 1
                blocks.append(InvertedBottleneck(planes_in, planes, kernel, step, expansion))
                planes_in = planes
        self.blocks = nn.Sequential(*blocks)
        self.conv_head = SameConv2d(planes_in, HEAD, 1, bias=False)
        self.bn1 = _norm(HEAD)
        self.relu1 = nn.ReLU6(inplace=True)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(HEAD, classes)

    def trunk(self, x: Tensor) -> Tensor:
        """All layers before the pooling: N×3×H×W in, N×1280×H/32×W/32 out."""
        x = self.blocks(self.relu0(self.bn0(self.conv_stem(x))))
        return cast(Tensor, self.relu1(self.bn1(self.conv_head(x))))

    def forward(self, x: Tensor) -> Tensor:
        """Logits N×classes of normalised pictures N×3×H×W."""
        return cast(Tensor, self.fc(torch.flatten(self.avgpool(self.trunk(x)), 1)))
