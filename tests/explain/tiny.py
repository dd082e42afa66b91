"""Networks small enough to work out by hand, and photos made of numbers."""

import numpy as np
import torch
from torch import Tensor, nn

from petvision.events import Events, result_of
from petvision.explain.base import Context
from petvision.explain.registry import method, parameters
from petvision.explain.results import Explanation
from petvision.images.types import Floats, Geometry, ImageFacts, InputSpec, Milliseconds, Prepared
from petvision.models.handle import ModelHandle, from_network
from petvision.models.resnet import BasicBlock, ResNet

CLASSES = ("cat", "dog")


def prepared(pixels: Floats, geometry: Geometry | None = None) -> Prepared:
    size = pixels.shape[-1]
    geometry = geometry or Geometry(size, size, (0, 0, size, size), size)
    facts = ImageFacts(geometry.width, geometry.height, "PNG", "ab" * 32)
    return Prepared(pixels, geometry, facts, Milliseconds())


def noise(size: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(1, 3, size, size)).astype(np.float32)


def handle_of(network: nn.Module, size: int) -> ModelHandle:
    return from_network(network, CLASSES, InputSpec(size=size, resize=size))


def events(
    name: str, handle: ModelHandle, pixels: Floats, target: str = "cat", **values: object
) -> Events[Explanation]:
    context = Context(handle, prepared(pixels), None, target)
    return method(name).run(context, parameters(name, values))


def explain(
    name: str, handle: ModelHandle, pixels: Floats, target: str = "cat", **values: object
) -> Explanation:
    return result_of(events(name, handle, pixels, target, **values))


class ConvPoolLinear(nn.Module):
    """One convolution without ReLU, the mean of each map, a linear layer."""

    def __init__(self, convolution: nn.Conv2d, fc: nn.Linear):
        super().__init__()
        self.conv = convolution
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = fc

    def trunk(self, x: Tensor) -> Tensor:
        return self.conv(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.avgpool(self.trunk(x)).flatten(1))


class WeighedPixels(nn.Module):
    """Logit of cat: the sum of weight × pixel; logit of dog: its opposite."""

    def __init__(self, weights: Tensor):
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, x: Tensor) -> Tensor:
        cat = (x * self.weights).sum((1, 2, 3))
        return torch.stack([cat, -cat], 1)


def small_resnet(seed: int = 0) -> ResNet:
    """A residual network with one block a stage and lively BatchNorm statistics."""
    torch.manual_seed(seed)
    network = ResNet(BasicBlock, (1, 1, 1, 1), len(CLASSES))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()
