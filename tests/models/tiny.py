"""Networks and files small enough to make in a moment."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from petvision.images.types import (
    Floats,
    Geometry,
    ImageFacts,
    Milliseconds,
    Prepared,
)
from petvision.models.cards import Card, InputCard, UnknownCard
from petvision.models.files import write_model
from petvision.models.resnet import ResNet, build_resnet

BLOCKS = (1, 1, 1, 1)
SIZE = 64


def lively(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network with BatchNorm statistics that do something, in evaluation mode."""
    draw = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=draw)
            module.bias.data.normal_(0, 0.3, generator=draw)
            module.running_mean.normal_(0, 0.3, generator=draw)
            module.running_var.uniform_(0.5, 1.5, generator=draw)
    return network.eval()


def tiny_resnet(architecture: str = "resnet18", classes: int = 2, seed: int = 0) -> ResNet:
    torch.manual_seed(seed)
    return lively(build_resnet(architecture, classes, BLOCKS), seed)


def tiny_card(unknown: UnknownCard | None = None, **facts: object) -> Card:
    return Card(
        **{
            "name": "tiny",
            "architecture": "resnet18",
            "blocks_per_stage": BLOCKS,
            "classes": ("cat", "dog"),
            "input": InputCard(size=SIZE, resize=72),
            "unknown": unknown,
            **facts,
        }
    )


def random_gate(width: int = 512, seed: int = 1) -> dict[str, Floats]:
    draw = np.random.default_rng(seed)
    weight = draw.normal(0, 0.05, (1000, width)).astype(np.float32)
    return {"weight": weight, "bias": np.zeros(1000, np.float32)}


def write_tiny(path: Path, **options: object) -> Path:
    card = options.pop("card", None) or tiny_card()
    write_model(path, card, tiny_resnet().state_dict(), **options)
    return path


def pictures(count: int, size: int = SIZE, seed: int = 0) -> Floats:
    draw = np.random.default_rng(seed)
    return draw.normal(size=(count, 3, size, size)).astype(np.float32)


def prepared(pixels: Floats) -> Prepared:
    size = pixels.shape[-1]
    geometry = Geometry(size, size, (0.0, 0.0, float(size), float(size)), size)
    facts = ImageFacts(size, size, "PNG", "ab" * 32)
    return Prepared(pixels, geometry, facts, Milliseconds(read=1.0, decode=2.0, prepare=3.0))


def header_of(path: Path) -> tuple[dict[str, object], bytes]:
    """The header and the tensors' bytes of a safetensors file."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def write_raw(path: Path, header: object, data: bytes) -> Path:
    """A safetensors file with any header at all."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path
