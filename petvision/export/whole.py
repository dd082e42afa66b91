"""A model as one function, from pixels to its verdict: what an exported file computes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from petvision.models.handle import ModelHandle
from petvision.models.heads import Linear
from petvision.models.unknown import NEIGHBOURS, PETS, UnknownScore

INPUT = "pixels"
OUTPUTS = ("logits", "scores", "unknown_score")


class Whole(nn.Module):
    """Normalisation, network, temperature and unknown score in one module.

    Takes RGB uint8 N×S×S×3 and gives logits N×C, scores N×C and the unknown score N (zeros where
    the model has none); float32 throughout.

    Args:
        handle: an opened model; its network is copied.
    """

    def __init__(self, handle: ModelHandle) -> None:
        super().__init__()
        mean, std = torch.tensor(handle.spec.mean), torch.tensor(handle.spec.std)
        self.factor = nn.Buffer((1 / (255 * std.double())).float().view(1, 3, 1, 1))
        self.offset = nn.Buffer((-mean.double() / std.double()).float().view(1, 3, 1, 1))
        self.temperature = handle.card.temperature
        # Contiguous: a channels-last weight would travel as a transposed one.
        network = copy.deepcopy(handle.network).cpu()
        for parameter in network.parameters():
            parameter.data = parameter.data.contiguous()
        self.last = _take_last(network)
        self.network = network
        heads = handle.heads
        self.gate = None if heads.gate is None else _linear(heads.gate)
        self.unknown = None if heads.unknown is None else Strangeness(heads.unknown)
        self.eval().requires_grad_(False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """RGB uint8 N×S×S×3 to logits, scores and the unknown score."""
        x = pixels.permute(0, 3, 1, 2).float() * self.factor + self.offset
        features = self.network(x)
        logits = features if self.last is None else self.last(features)
        scores = torch.softmax(logits / self.temperature, 1)
        if self.unknown is None:
            return logits, scores, logits[:, 0] * 0.0
        gate = logits if self.gate is None else self.gate(features)
        return logits, scores, self.unknown(features, logits, gate)


class Strangeness(nn.Module):
    """``petvision.models.unknown`` in torch, so that it travels with the network."""

    def __init__(self, score: UnknownScore) -> None:
        super().__init__()
        self.parts = _parts(score.name, score.statistics)
        self.temperature = score.temperature
        self.neighbours = int(score.statistics.get("k", NEIGHBOURS))
        self.pets = nn.Buffer(torch.from_numpy(PETS))
        bank = np.zeros((1, 1), np.float32) if score.bank is None else score.bank.T.copy()
        self.bank = nn.Buffer(torch.from_numpy(bank))

    def forward(self, features: Tensor, logits: Tensor, gate: Tensor) -> Tensor:
        """Features N×F, logits N×C and gate logits N×1000 to one score a photo."""
        total = torch.zeros_like(logits[:, 0])
        for part, weight, mean in self.parts:
            total = total + weight * (self._part(part, features, logits, gate) - mean)
        return total

    def _part(self, part: str, features: Tensor, logits: Tensor, gate: Tensor) -> Tensor:
        match part:
            case "pet_mass":
                pets = torch.logsumexp(torch.index_select(gate, 1, self.pets), 1)
                return torch.clamp(torch.logsumexp(gate, 1) - pets, min=0.0)
            case "knn":
                lengths = torch.linalg.vector_norm(features, dim=1, keepdim=True)
                cosines = (features / torch.clamp(lengths, min=1e-12)) @ self.bank
                count = min(self.neighbours, self.bank.shape[1])
                return 1 - torch.topk(cosines, count, dim=1).values.mean(1)
            case "max_softmax":
                return 1 - torch.softmax(logits / self.temperature, 1).amax(1)
        return -self.temperature * torch.logsumexp(logits / self.temperature, 1)


def _parts(name: str, statistics: Mapping[str, float]) -> tuple[tuple[str, float, float], ...]:
    if name != "combined":
        return ((name, 1.0, 0.0),)
    s = statistics
    weighted = [key.removesuffix(".weight") for key in s if key.endswith(".weight") and s[key]]
    return tuple((p, s[f"{p}.weight"] / s[f"{p}.std"], s[f"{p}.mean"]) for p in weighted)


def _take_last(network: nn.Module) -> nn.Linear | None:
    """The network's last layer, with nothing left in its place: what remains gives features."""
    from petvision.models.engines.torch_engine import Layers

    name = Layers(network).head
    if not name:
        return None
    last = network.get_submodule(name)
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, nn.Identity())
    return cast(nn.Linear, last)


def _linear(layer: Linear) -> nn.Linear:
    made = nn.Linear(layer.weight.shape[1], layer.weight.shape[0])
    made.weight = nn.Parameter(torch.from_numpy(layer.weight.copy()))
    made.bias = nn.Parameter(torch.from_numpy(layer.bias.copy()))
    return made
