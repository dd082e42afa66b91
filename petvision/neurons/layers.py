"""The layers of a model, which of them can be looked into, and what they answer to a photo."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from petvision.errors import ConfigError
from petvision.images.types import Floats, Prepared
from petvision.models.activations import to_network
from petvision.models.handle import ModelHandle
from petvision.neurons.graph import Graph, watch
from petvision.neurons.passes import answer_of
from petvision.neurons.rank import stats_of
from petvision.neurons.results import Layer, Maps

DEPTH = 8
"""A first layer to look into has maps of about an eighth of the picture's side."""


@dataclass(frozen=True, slots=True)
class Tap:
    """Where a convolution's answer is read: the module before the ReLU; ReLU6 ends at ``most``."""

    module: str
    most: float | None = None

    def activation(self, values: Floats) -> Floats:
        """What the ReLU makes of the values."""
        return np.asarray(np.clip(values, 0, self.most), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """A model's layers, in the network's order, and how they are connected."""

    layers: tuple[Layer, ...]
    taps: dict[str, Tap]
    graph: Graph

    @property
    def convolutions(self) -> tuple[Layer, ...]:
        """The layers that can be looked into."""
        return tuple(layer for layer in self.layers if layer.name in self.taps)

    @property
    def last(self) -> str:
        """The last module on the last convolution's grid, where evidence for a class is read."""
        shapes = self.graph.shapes
        order = [name for name in self.graph.order if len(shapes[name]) == 3]
        grid = shapes[[name for name in order if name in self.taps][-1]][1:]
        return [name for name in order if shapes[name][1:] == grid][-1]

    @property
    def default(self) -> str:
        """A sane first choice: the first true window on maps of an eighth of the picture's side."""
        side = self.graph.steps[0].grid[0]
        for layer in self.convolutions:
            if max(layer.shape[1:]) * DEPTH <= side and not layer.kind.startswith("1×1"):
                return layer.name
        return self.convolutions[-1].name if self.convolutions else ""

    def convolution(self, name: str) -> Layer:
        """The layer of that name ("": the default).

        Raises:
            ConfigError: ``key`` with the nearest name when there is no such convolution.
        """
        wanted = name or self.default
        for layer in self.convolutions:
            if layer.name == wanted:
                return layer
        names = [layer.name for layer in self.convolutions]
        near = difflib.get_close_matches(wanted, names, 1)
        such = near[0] if near else self.default
        remedy = f"Such as {such}." if such else "The model has none to look into."
        raise ConfigError("key", "--layer", key=f"convolution {wanted!r}", remedy=remedy)


def anatomy_of(handle: ModelHandle) -> Anatomy:
    """Watch a model's network work once, and tell its layers."""
    network = handle.network
    graph = watch(network, handle.spec.size)
    modules = dict(network.named_modules())
    taps = {
        name: _tap(graph, modules, name)
        for name in graph.order
        if isinstance(modules[name], nn.Conv2d) and len(graph.shapes[name]) == 3
    }
    layers = tuple(
        _layer(graph, name, module, name in taps)
        for name, module in modules.items()
        if name and not isinstance(module, nn.Identity)
    )
    return Anatomy(layers, taps, graph)


def activations(handle: ModelHandle, anatomy: Anatomy, layer: str, prepared: Prepared) -> Maps:
    """What a convolution answers to a photo, after its BatchNorm and ReLU.

    Raises:
        ConfigError: ``key`` when there is no such convolution.
    """
    facts = anatomy.convolution(layer)
    maps = batch_activations(handle, anatomy, facts.name, prepared.pixels)[0]
    return Maps(facts, maps, stats_of(maps), prepared.geometry)


def batch_activations(handle: ModelHandle, anatomy: Anatomy, layer: str, pixels: Floats) -> Floats:
    """The same for N×3×S×S pictures: float32 N×c×h×w."""
    tap = anatomy.taps[layer]
    with torch.no_grad():
        values = answer_of(handle.network, tap.module, to_network(handle.network, pixels))
    return tap.activation(values.float().cpu().contiguous().numpy())


def _tap(graph: Graph, modules: dict[str, nn.Module], name: str) -> Tap:
    """Follow a convolution through its BatchNorm; a ReLU6 behind it caps what it gives."""
    at, number = name, graph.module_step[name]
    while True:
        users = graph.users(number)
        kinds = {graph.steps[user].kind for user in users}
        if kinds == {"norm"} and len(users) == 1:
            number = users[0]
            at = next(n for n, step in graph.module_step.items() if step == number)
            continue
        if kinds == {"cap"}:
            caps = [m.max_val for n, m in modules.items() if isinstance(m, nn.Hardtanh)]
            return Tap(at, float(caps[0]) if caps else 6.0)
        return Tap(at)


def _layer(graph: Graph, name: str, module: nn.Module, is_convolution: bool) -> Layer:
    numbers = sum(parameter.numel() for parameter in module.parameters())
    shape = graph.shapes.get(name, ())
    if not isinstance(module, nn.Conv2d) or not is_convolution:
        return Layer(name, _kind(module), shape, numbers)
    step = graph.steps[graph.module_step[name]]
    sees = module.in_channels == 3 and _is_input(graph, step.sources[0])
    return Layer(
        name, _kind(module), shape, numbers, module.out_channels, not _rectified(graph, name), sees
    )


def _is_input(graph: Graph, number: int) -> bool:
    step = graph.steps[number]
    return step.kind == "input" or (step.kind == "pad" and _is_input(graph, step.sources[0]))


def _rectified(graph: Graph, name: str) -> bool:
    """Whether a ReLU follows without an addition."""
    number = graph.module_step[name]
    while True:
        users = graph.users(number)
        kinds = {graph.steps[user].kind for user in users}
        if kinds & {"relu", "cap"}:
            return True
        if kinds != {"norm"}:
            return False
        number = users[0]


def _kind(module: nn.Module) -> str:
    match module:
        case nn.Conv2d():
            high, wide = module.kernel_size
            words = f"{high}×{wide} convolution"
            if module.groups > 1 and module.groups == module.in_channels:
                words += ", depthwise"
            if module.stride[0] > 1:
                words += f", stride {module.stride[0]}"
            return words
        case nn.Linear():
            return f"linear, {module.in_features} → {module.out_features}"
        case nn.MaxPool2d():
            return f"max pooling {module.kernel_size}×{module.kernel_size}"
        case _:
            return type(module).__name__
