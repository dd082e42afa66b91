"""The network in training: where it starts, and its two heads on one trunk."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from petvision.errors import ConfigError, ModelError
from petvision.models.architectures import PooledNet, build, last_linear
from petvision.models.class_names import IMAGENET
from petvision.models.engines.torch_engine import Layers
from petvision.models.files import COUNTER, StoredModel, read_start
from petvision.models.fold import fold_batchnorm
from petvision.models.resnet import SHAPES, ResNet, grow
from petvision.models.zoo import find
from training.config import Model


class TwoHeads(nn.Module):
    """A network whose features also feed the kept ImageNet head (the gate), where there is one.

    Features are what the last linear layer (``head``) reads: pooled maps of a residual or
    ``-gap`` network, the last hidden layer of a plain one.
    """

    def __init__(self, network: nn.Module, gate: nn.Linear | None, dropout: float = 0.0):
        super().__init__()
        self.dropout = dropout
        self.network = network
        self.gate = gate
        self._layers = Layers(network)

    @property
    def head(self) -> nn.Linear:
        """The layer that gives the logits."""
        layer = self.network.get_submodule(last_linear(self.network))
        assert isinstance(layer, nn.Linear)
        return layer

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits N×classes and gate logits N×1000 (None without a gate)."""
        features = self.features(x)
        heard = functional.dropout(features, self.dropout, self.training)
        return self.head(heard), None if self.gate is None else self.gate(features)

    def features(self, x: Tensor) -> Tensor:
        """What both heads read: N×features."""
        return self._layers(x, maps=False)[0]

    def freeze(self, layers: Sequence[str]) -> None:
        """Keep the weights of the layers whose names begin so (``backbone``: all but the head).

        Raises:
            ConfigError: ``key`` when no layer's name begins so.
        """
        head = {f"{last_linear(self.network)}.{n}" for n in ("weight", "bias")}
        names = {name for name, _ in self.network.named_parameters()}
        for layer in layers:
            kept = names - head if layer == "backbone" else self.begun(layer, "model.freeze")
            for name, parameter in self.network.named_parameters():
                if name in kept:
                    parameter.requires_grad_(False)

    def begun(self, layer: str, key: str) -> set[str]:
        """The network's weights whose names begin with that layer's, as ``key`` asks.

        Raises:
            ConfigError: ``key`` when there are none.
        """
        names = [name for name, _ in self.network.named_parameters()]
        found = {name for name in names if name.startswith(f"{layer}.")}
        if not found:
            known = ", ".join(dict.fromkeys(name.split(".")[0] for name in names))
            raise ConfigError("key", key, key=f"layer {layer!r}", remedy=f"There are {known}.")
        return found

    def freeze_statistics(self) -> None:
        """Keep BatchNorm's running mean and variance while everything else trains."""
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm):
                module.eval()


def start(model: Model, classes: Sequence[str]) -> tuple[TwoHeads, StoredModel | None]:
    """The network at its starting point, and the file it starts from.

    Pretrained weights keep their last layer as the gate when ``model.gate`` is not 0; a shallower
    network of the same kind is grown to the same function (``models.resnet.grow``). A file of
    convolutions alone leaves the layers behind them at random; a model of the same classes keeps
    its last layer.

    Raises:
        ModelError: when the starting weights are not there or do not fit.
    """
    network = build(model.architecture, len(classes), model.blocks_per_stage)
    if not model.pretrained:
        return _frozen(TwoHeads(network, None, model.dropout), model), None
    stored = read_start(find(model.pretrained), model.architecture)
    tensors = {
        name.removeprefix("net."): torch.from_numpy(stored.tensor(name).copy())
        for name in stored.names("net.")
    }
    last = last_linear(network)
    head = {name: tensors.pop(f"{last}.{name}", None) for name in ("weight", "bias")}
    same = stored.card.classes == tuple(classes)
    ours = {
        f"{last}.{name}": tensor for name, tensor in head.items() if same and tensor is not None
    }
    if stored.names("gate."):  # a model of ours that kept its ImageNet head
        head = {name: torch.from_numpy(stored.tensor(f"gate.{name}")) for name in head}
    if isinstance(network, ResNet):
        tensors = grow(tensors, model.blocks_per_stage or SHAPES[model.architecture][1])
    if isinstance(network, PooledNet):  # a plain network's other layers have no place in it
        tensors = {n: t for n, t in tensors.items() if n.startswith("features.")}
    _load(network, tensors | ours, model)
    gate = _gate(head) if model.gate else None
    return _frozen(TwoHeads(network, gate, model.dropout), model), stored


def _frozen(net: TwoHeads, model: Model) -> TwoHeads:
    net.freeze(model.freeze)
    for layer in model.storage_fp16:
        net.begun(layer, "model.storage_fp16")  # a typing error is told before the training
    return net


def _load(network: nn.Module, tensors: dict[str, Tensor], model: Model) -> None:
    """Fill all but the last layer (and, of a file of features alone, the classifier)."""
    missing, unexpected = network.load_state_dict(tensors, strict=False)
    may_lack = [last_linear(network), "classifier."]
    wrong = [n for n in missing if not n.startswith(tuple(may_lack)) and not n.endswith(COUNTER)]
    wrong += unexpected
    if wrong:
        reason = f"{wrong[0]} does not belong to, or is missing in, a {model.architecture}"
        raise ModelError("wrong_shape", model.pretrained, reason=reason)


def _gate(head: dict[str, Tensor | None]) -> nn.Linear:
    weight, bias = head["weight"], head["bias"]
    if weight is None or bias is None:
        raise ModelError(
            "wrong_shape", "The gate", reason="the starting weights have no last layer"
        )
    if len(weight) != IMAGENET:
        reason = f"the starting weights tell {len(weight)} classes apart, not ImageNet's {IMAGENET}"
        raise ModelError("wrong_shape", "The gate", reason=reason)
    gate = nn.Linear(weight.shape[1], weight.shape[0])
    gate.load_state_dict({"weight": weight, "bias": bias})
    return gate


def frozen_copy(net: TwoHeads) -> TwoHeads:
    """A copy that answers as ``net`` does now, for ever; BatchNorm folded, to be quick."""
    twin = copy.deepcopy(net).eval()
    fold_batchnorm(twin)
    return twin.requires_grad_(False)
