"""Which networks a model file may hold: how each is built and told from its tensors' shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from petvision.errors import ModelError
from petvision.models import efficientnet_lite
from petvision.models.cards import InputCard
from petvision.models.efficientnet_lite import EfficientNetLite
from petvision.models.resnet import SHAPES, ResNet, build_resnet

Shape = tuple[int, ...]

PLAIN = ("alexnet", "vgg16")
LITE = "efficientnet-lite0"
ARCHITECTURES = (*SHAPES, *(f"{name}{tail}" for name in PLAIN for tail in ("", "-gap")), LITE)


class PooledNet(nn.Module):
    """A plain network's convolutions, averaged over the picture, and one linear layer."""

    def __init__(self, features: nn.Module, width: int, classes: int):
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(width, classes)

    def trunk(self, x: Tensor) -> Tensor:
        """The convolutions: N×3×H×W in, N×width×h×w out."""
        return cast(Tensor, self.features(x))

    def forward(self, x: Tensor) -> Tensor:
        """Logits N×classes of normalised pictures N×3×H×W."""
        return cast(Tensor, self.fc(torch.flatten(self.avgpool(self.trunk(x)), 1)))


def can_rebuild(network: nn.Module) -> bool:
    """Whether a network is made of what the engines with graphs of their own know."""
    known = (nn.Conv2d, nn.ReLU, nn.MaxPool2d)
    return isinstance(network, ResNet) or (
        isinstance(network, PooledNet)
        and all(isinstance(layer, known) for layer in network.features.children())
    )


def build(
    architecture: str, classes: int, blocks_per_stage: tuple[int, ...] | None = None
) -> nn.Module:
    """A network of one of ``ARCHITECTURES``, not trained.

    Raises:
        ModelError: ``not_a_model`` for an architecture this program does not have.
    """
    if architecture in SHAPES:
        return build_resnet(architecture, classes, blocks_per_stage)
    if architecture == LITE:
        return EfficientNetLite(classes)
    if architecture not in ARCHITECTURES:
        reason = f"this program has {', '.join(ARCHITECTURES)}, and it asks for another"
        raise ModelError("not_a_model", architecture, reason=reason)
    from petvision.models.torchvision_door import plain_network

    name, _, pooled = architecture.partition("-")
    if not pooled:
        return plain_network(name, classes)
    features = plain_network(name, 1).get_submodule("features")
    width = next(m for m in reversed(list(features.modules())) if isinstance(m, nn.Conv2d))
    return PooledNet(features, width.out_channels, classes)


def build_empty(
    architecture: str, classes: int, blocks_per_stage: tuple[int, ...] | None = None
) -> nn.Module:
    """The same network without memory for its tensors (on torch's meta device)."""
    with torch.device("meta"):
        return build(architecture, classes, blocks_per_stage)


def usual_input(architecture: str) -> InputCard:
    """How an architecture's published ImageNet weights want their pictures."""
    return efficientnet_lite.INPUT if architecture == LITE else InputCard()


def shapes(network: nn.Module) -> dict[str, Shape]:
    """Name and shape of every tensor a file must hold for ``network``."""
    counted = ".num_batches_tracked"
    return {n: tuple(t.shape) for n, t in network.state_dict().items() if not n.endswith(counted)}


@dataclass(frozen=True, slots=True)
class Guess:
    """What a bare set of tensors is: its architecture and its number of classes."""

    architecture: str
    classes: int


def infer(found: Mapping[str, Shape], source: str) -> Guess:
    """Tell a set of tensors by its names and shapes.

    Raises:
        ModelError: ``not_a_model`` when it is none of ``ARCHITECTURES``.
    """
    heads = [name for name in ("fc.weight", "classifier.6.weight") if len(found.get(name, ())) == 2]
    architecture = _infer(found)
    if architecture is None:
        raise ModelError(
            "not_a_model",
            source,
            reason="its tensors fit none of the networks this program has "
            f"({', '.join(ARCHITECTURES)})",
        )
    if not heads:
        raise ModelError(
            "not_a_model", source, reason="it holds features only, without a last layer"
        )
    return Guess(architecture, found[heads[0]][0])


def _infer(found: Mapping[str, Shape]) -> str | None:
    if "layer1.0.conv1.weight" in found:
        return _infer_resnet(found)
    if found.get("conv_head.weight") == (1280, 320, 1, 1) and "blocks.15.bn2.weight" in found:
        return LITE
    return _infer_plain(found)


def _infer_resnet(found: Mapping[str, Shape]) -> str | None:
    counts = [0, 0, 0, 0]
    for name in found:
        if match := re.match(r"layer([1-4])\.(\d+)\.", name):
            stage = int(match[1]) - 1
            counts[stage] = max(counts[stage], int(match[2]) + 1)
    bottleneck = "layer1.0.conv3.weight" in found
    for architecture, (block, blocks) in SHAPES.items():
        if tuple(counts) == blocks and (block.expansion == 4) == bottleneck:
            return architecture
    return None


def _infer_plain(found: Mapping[str, Shape]) -> str | None:
    first = {"alexnet": (64, 3, 11, 11), "vgg16": (64, 3, 3, 3)}
    last = {"alexnet": "features.10.weight", "vgg16": "features.28.weight"}
    for name in PLAIN:
        if found.get("features.0.weight") == first[name] and last[name] in found:
            return f"{name}-gap" if "fc.weight" in found else name
    return None


def last_linear(network: nn.Module) -> str:
    """The name of the layer that gives the logits (``fc``, or a plain network's last)."""
    names: list[str] = [n for n, m in network.named_modules() if isinstance(m, nn.Linear)]
    return names[-1]
