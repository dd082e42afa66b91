"""An opened model: its card, its network, who computes, and its heads. Immutable once open."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from torch import nn

from petvision.errors import ConfigError, ModelError
from petvision.images.types import Floats, InputSpec
from petvision.models import architectures
from petvision.models.activations import device_of, memory_format
from petvision.models.album import Album, album_beside
from petvision.models.cards import Card, InputCard
from petvision.models.engines.base import Differentiator, Engine
from petvision.models.engines.torch_engine import Layers, TorchEngine, TorchGradients
from petvision.models.files import COUNTER, StoredModel, read_model
from petvision.models.fold import fold_batchnorm
from petvision.models.heads import Heads, Linear
from petvision.models.results import ModelIdentity
from petvision.models.unknown import UnknownScore, needs, unit_rows

Device = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(frozen=True, slots=True, eq=False)
class ModelHandle:
    """An opened model; two windows may share one.

    ``network`` is the torch reference for gradients: BatchNorm folded, evaluation mode, no
    parameter requires a gradient; its layers have torchvision's names. ``engine`` answers;
    ``reference`` (torch-fp32, the same network) has the last word wherever ``engine``'s stated
    ``distance`` (see ``petvision.models.boundary``) could matter. ``gradients`` go with
    ``engine``, always in float32. ``stored`` gives a tensor of the file as it was trained, such as
    ``"conv1.weight"``. ``path`` is that file (None: it was made in memory).
    """

    card: Card
    sha256: str
    network: nn.Module
    engine: Engine
    reference: Engine
    heads: Heads
    stored: Callable[[str], Floats]
    gradients: Differentiator
    distance: float = 0.0
    path: Path | None = None

    @property
    def identity(self) -> ModelIdentity:
        """The card's name and the file's digest."""
        return ModelIdentity(self.card.name, self.sha256)

    @property
    def spec(self) -> InputSpec:
        """How the model wants its pictures."""
        return self.card.input_spec

    @property
    def album(self) -> Album | None:
        """The training photos it remembers, read anew; None where there are none beside it.

        Raises:
            ModelError: when they are damaged.
        """
        return None if self.path is None else album_beside(self.path, self.sha256)

    @property
    def device(self) -> torch.device:
        """Where ``network`` lies."""
        return device_of(self.network)

    def class_index(self, name: str) -> int:
        """The output of a class.

        Raises:
            ConfigError: ``key`` with the nearest name when there is no such class.
        """
        if name in self.card.classes:
            return self.card.classes.index(name)
        import difflib

        near = difflib.get_close_matches(name, self.card.classes, 1)
        known = ", ".join(self.card.classes[:10])
        remedy = f"Did you mean {near[0]}?" if near else f"It knows {known}."
        raise ConfigError("key", self.card.name, key=f"class {name!r}", remedy=remedy)

    def check_layer(self, name: str) -> None:
        """See that the network has a layer of this name ("" is any method's default).

        Raises:
            ConfigError: ``key`` with the nearest name when it has none.
        """
        names = dict(self.network.named_modules())
        if name in names:
            return
        import difflib

        near = difflib.get_close_matches(name, names, 1)
        remedy = f"Did you mean {near[0]}?" if near else "Such as layer4 or layer3.0.conv1."
        raise ConfigError("key", self.card.name, key=f"layer {name!r}", remedy=remedy)

    def twin(self) -> ModelHandle:
        """The same model around a copy of the network, answered by the reference.

        For another thread: explanations put hooks on a network, which must not see its pictures.
        """
        network = copy.deepcopy(self.network)
        engine, gradients = TorchEngine(network), TorchGradients(network)
        return replace(
            self,
            network=network,
            engine=engine,
            reference=engine,
            gradients=gradients,
            distance=0.0,
        )

    def logits(self, batch: Floats, engine: Engine | None = None) -> Floats:
        """Logits N×C of normalised pictures N×3×S×S, from ``engine`` or the handle's own."""
        features = (engine or self.engine).forward(batch).features
        return self.heads.logits(features)


def open_model(
    name_or_path: str | Path = "catdog-resnet101",
    *,
    engine: str = "torch-fp32",
    device: Device = "auto",
    classes: Sequence[str] | None = None,
) -> ModelHandle:
    """Open a model by its name in the zoo or its file.

    Args:
        name_or_path: a name of ``petvision models list``, or a path.
        engine: ``torch-fp32`` answers at once; ``auto`` or another name prepares a fast one
            (a second or so; see ``petvision.models.engine``).
        device: where torch computes; ``auto`` takes a GPU where there is one.
        classes: their names, for a file that holds weights only (a ``.pth``).

    Raises:
        ModelError: when there is no such model or it cannot be used.
        ConfigError: when the engine or device does not exist here.
    """
    from petvision.models import zoo

    handle = load(read_model(zoo.find(name_or_path), classes), device)
    if engine == handle.engine.name:
        return handle
    from petvision.models.engine import with_fast_engine

    return with_fast_engine(handle, engine)


def load(stored: StoredModel, device: Device = "auto") -> ModelHandle:
    """Bring a model file's tensors into a network and its heads.

    Raises:
        ModelError: ``bad_weights`` when a value is not finite.
        ConfigError: when the device does not exist here.
    """
    card = stored.card
    network = architectures.build_empty(card.architecture, len(card.classes), card.blocks_per_stage)
    _fill(network, stored)
    fold_batchnorm(network)
    place = torch_device(device)
    network = network.to(place, memory_format=memory_format(place))  # type: ignore[call-overload]
    gate = None
    if stored.names("gate."):
        gate = Linear(stored.tensor("gate.weight"), stored.tensor("gate.bias"))
    bank = _bank(stored)
    stored.rest()
    handle = _assemble(
        card, stored.sha256, network, lambda name: stored.tensor(f"net.{name}"), gate, bank
    )
    return replace(handle, path=stored.path)


def from_network(
    network: nn.Module,
    classes: Sequence[str],
    spec: InputSpec | None = None,
    name: str = "test",
) -> ModelHandle:
    """A handle around a network in memory, of any layers; the network itself stays as it is."""
    card = Card(
        name=name,
        architecture="custom",
        classes=tuple(classes),
        input=InputCard.model_validate(spec or InputSpec(), from_attributes=True),
    )
    tensors = network.state_dict()
    digest = hashlib.sha256()
    for key, tensor in tensors.items():
        digest.update(key.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    own = copy.deepcopy(network)
    fold_batchnorm(own)
    own = own.to(memory_format=memory_format(device_of(own)))  # type: ignore[call-overload]

    def stored(key: str) -> Floats:
        if key not in tensors:
            raise ModelError("wrong_shape", name, reason=f"{key} is missing")
        return cast(Floats, tensors[key].detach().float().cpu().numpy())

    return _assemble(card, digest.hexdigest(), own, stored, None, None)


def torch_device(device: Device) -> torch.device:
    """The torch device of that name; ``auto`` prefers a GPU.

    Raises:
        ConfigError: ``range`` when this machine has no such device.
    """
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    if device == "auto":
        device = next(d for d in ("cuda", "mps", "cpu") if here[d])
    if not here.get(device):
        usable = "one of " + ", ".join(d for d, there in here.items() if there)
        raise ConfigError("range", "--device", key="device", expected=usable, found=device)
    if device == "cuda":
        # The reference is float32 in earnest; torch's own default here is ten bits of mantissa.
        torch.backends.cudnn.allow_tf32 = False
    return torch.device(device)


def _fill(network: nn.Module, stored: StoredModel) -> None:
    counters = {n: torch.tensor(0) for n in network.state_dict() if n.endswith(COUNTER)}
    names = architectures.shapes(network)
    # A float32 file's tensors are views of the mapped file: folding writes, and must have its own.
    writable = {name: np.require(stored.tensor(f"net.{name}"), requirements="W") for name in names}
    tensors = {name: torch.from_numpy(values) for name, values in writable.items()}
    network.load_state_dict(tensors | counters, assign=True)


def _bank(stored: StoredModel) -> Floats | None:
    unknown = stored.card.unknown
    if unknown is None or not needs(unknown.score, unknown.statistics).bank:
        return None
    return unit_rows(stored.tensor("unknown.bank"))


def _assemble(
    card: Card,
    sha256: str,
    network: nn.Module,
    stored: Callable[[str], Floats],
    gate: Linear | None,
    bank: Floats | None,
) -> ModelHandle:
    network.eval().requires_grad_(False)
    layers = Layers(network)
    classifier = linear_of(network.get_submodule(layers.head)) if layers.head else None
    unknown = None
    if card.unknown is not None:
        u = card.unknown
        unknown = UnknownScore(u.score, u.threshold, card.temperature, u.statistics, bank)
    heads = Heads(classifier, layers.pooled, gate, card.temperature, unknown)
    engine = TorchEngine(network)
    gradients = TorchGradients(network)
    return ModelHandle(card, sha256, network, engine, engine, heads, stored, gradients)


def linear_of(layer: nn.Module) -> Linear:
    """A linear layer's numbers, with a bias of zero where it has none."""
    assert isinstance(layer, nn.Linear)
    weight = layer.weight.detach().float().cpu().numpy()
    bias = np.zeros(len(weight), np.float32)
    if layer.bias is not None:
        bias = layer.bias.detach().float().cpu().numpy()
    return Linear(weight, bias)
