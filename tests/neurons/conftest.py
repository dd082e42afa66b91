"""A network whose filters were planted by hand, and a photo with red edges to find."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from petvision.images.types import Floats, InputSpec, Prepared
from petvision.models.handle import ModelHandle, from_network
from tests.models.tiny import prepared

SIZE = 64
PLAIN = InputSpec(size=SIZE, resize=SIZE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
"""No normalisation: the network sees the colours as they are, 0 to 1."""

RED_EDGE, EVERYWHERE, DEAD = 3, 5, 6


def planted_network() -> nn.Module:
    """Eight filters: 3 finds vertical red edges, 5 fires on everything, 6 never; others blur."""
    convolution = nn.Conv2d(3, 8, 3, padding=1)
    with torch.no_grad():
        convolution.weight.zero_()
        convolution.bias.zero_()
        convolution.weight[RED_EDGE, 0] = torch.tensor([[-1.0, 0, 1]] * 3)
        convolution.bias[EVERYWHERE] = 1.0
        convolution.bias[DEAD] = -1.0
        for index, channel in ((0, 0), (1, 1), (2, 2), (4, 0), (7, 1)):
            convolution.weight[index, channel] = 0.1 + 0.01 * index
    head = nn.Linear(8, 2)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
        head.weight[0, RED_EDGE] = 2.0
        head.weight[1, EVERYWHERE] = 0.1
    layers = [convolution, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head]
    return nn.Sequential(*layers)


def planted_pixels() -> Floats:
    """Black, but for a red rectangle on the right half: its left side is the one rising edge."""
    pixels = np.zeros((1, 3, SIZE, SIZE), np.float32)
    pixels[0, 0, 16:48, 40:60] = 1
    return pixels


@pytest.fixture
def planted() -> ModelHandle:
    return from_network(planted_network(), ("cat", "dog"), PLAIN)


@pytest.fixture
def red_rectangle() -> Prepared:
    return prepared(planted_pixels())
