"""How a network computes, as it was seen doing it once: which operation feeds which.

A pass of an empty shell of the network (shapes, no numbers) is watched by torch's dispatcher, in
this thread only: any forward function will do, and it takes a few milliseconds.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from petvision.models.activations import quiet

Kind = Literal["input", "window", "norm", "relu", "cap", "pad", "join", "same", "all"]


@dataclass(frozen=True, slots=True)
class Axis:
    """A sliding window along one side: its size, step, padding before, and spread."""

    size: int
    stride: int = 1
    before: int = 0
    dilation: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: what it does, the steps that feed it, the (h, w) it gives.

    ``window`` has an axis each for rows and columns; ``all`` looks everywhere.
    """

    kind: Kind
    sources: tuple[int, ...]
    grid: tuple[int, int]
    window: tuple[Axis, Axis] | None = None


@dataclass(slots=True)
class Graph:
    """``steps`` in the order in which they ran; by module name, its last step and its output.

    ``order`` holds the modules in the order in which they were finished.
    """

    steps: list[Step] = field(default_factory=list)
    module_step: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def users(self, number: int) -> list[int]:
        """The steps that take what a step gives."""
        return [n for n, step in enumerate(self.steps) if number in step.sources]


def watch(network: nn.Module, size: int) -> Graph:
    """See what ``network`` does with a picture of ``size``×``size`` pixels."""
    network = _shell(network)
    graph = Graph()
    kind = next((p.dtype for p in network.parameters()), torch.float32)
    picture = torch.zeros(1, 3, size, size, dtype=kind, device="meta")
    watcher = _Watcher(graph, picture)
    with ExitStack() as stack:
        for name, module in network.named_modules():
            if name:
                hook = module.register_forward_hook(watcher.module_hook(name))
                stack.callback(hook.remove)
        stack.enter_context(torch.no_grad())
        stack.enter_context(quiet(network))
        stack.enter_context(watcher)
        network(picture)
    return graph


def _shell(network: nn.Module) -> nn.Module:
    """The same network with tensors that have shapes only: nothing is computed or copied."""
    tensors = [*network.parameters(), *network.buffers()]
    empty: dict[int, Any] = {
        id(t): nn.Parameter(t.to("meta"), False) if isinstance(t, nn.Parameter) else t.to("meta")
        for t in tensors
    }
    return copy.deepcopy(network, empty)


class _Watcher(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down every operation on maps (tensors 1×c×h×w)."""

    def __init__(self, graph: Graph, picture: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._graph = graph
        self._kept: list[Tensor] = [picture]  # so that no two tensors share an id
        self._step_of: dict[int, int] = {}
        self._add(picture, Step("input", (), _grid(picture)))

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        first = out[0] if isinstance(out, (tuple, list)) and out else out
        if isinstance(first, Tensor):
            self._note(func._schema.name.removeprefix("aten::"), args, first)
        return out

    def module_hook(self, name: str) -> Any:
        """A hook that remembers what a module gave."""

        def hook(module: nn.Module, inputs: object, output: object) -> None:
            if isinstance(output, Tensor):
                self._graph.shapes[name] = tuple(output.shape[1:])
                self._graph.order.append(name)
                if id(output) in self._step_of:
                    self._graph.module_step[name] = self._step_of[id(output)]

        return hook

    def _note(self, name: str, args: tuple[Any, ...], out: Tensor) -> None:
        sources = tuple(
            dict.fromkeys(self._step_of[id(a)] for a in _tensors(args) if id(a) in self._step_of)
        )
        if not sources:
            return
        if out.dim() != 4:
            self._add(out, Step("all", sources, (1, 1)))
            return
        before = self._graph.steps[sources[0]].grid
        kind, window = _kind_of(name.rstrip("_"), args, before, _grid(out), len(sources))
        self._add(out, Step(kind, sources, _grid(out), window))

    def _add(self, tensor: Tensor, step: Step) -> None:
        self._kept.append(tensor)
        self._step_of[id(tensor)] = len(self._graph.steps)
        self._graph.steps.append(step)


def _tensors(args: tuple[Any, ...]) -> list[Tensor]:
    found: list[Tensor] = []
    for one in args:
        if isinstance(one, Tensor):
            found.append(one)
        elif isinstance(one, (list, tuple)):
            found += [t for t in one if isinstance(t, Tensor)]
    return found


def _grid(tensor: Tensor) -> tuple[int, int]:
    return tensor.shape[-2], tensor.shape[-1]


def _kind_of(
    name: str,
    args: tuple[Any, ...],
    before: tuple[int, int],
    after: tuple[int, int],
    sources: int,
) -> tuple[Kind, tuple[Axis, Axis] | None]:
    if name == "convolution" and not args[6]:  # not transposed
        sides = args[1].shape[-2:]
        return "window", _axes(sides, args[3], args[4], args[5])
    if name in ("max_pool2d_with_indices", "max_pool2d", "avg_pool2d"):
        stride = args[2] if len(args) > 2 and args[2] else args[1]
        padding = args[3] if len(args) > 3 else (0, 0)
        dilation = args[4] if name.startswith("max") and len(args) > 4 else (1, 1)
        return "window", _axes(args[1], stride, padding, dilation)
    if name == "constant_pad_nd":
        left, _, top, _ = (*args[1], 0, 0, 0)[:4]
        return "pad", (Axis(1, 1, top), Axis(1, 1, left))
    if sources > 1 and before == after:
        return "join", None
    if name in ("relu", "threshold"):
        return "relu", None
    if name in ("hardtanh", "clamp"):
        return "cap", None
    if "batch_norm" in name:
        return "norm", None
    return ("same" if before == after else "all"), None


def _axes(
    sides: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]
) -> tuple[Axis, Axis]:
    def at(values: Sequence[int], index: int) -> int:
        return int(values[index] if len(values) > index else values[0])

    first, second = (
        Axis(at(sides, i), at(stride, i), at(padding, i), at(dilation, i)) for i in (0, 1)
    )
    return first, second
