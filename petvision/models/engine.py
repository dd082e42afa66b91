"""Which engine answers: what there is here, which is fastest, and whether it can be trusted.

The reference (torch, float32) has the last word. Every other engine is compared with it when it
is made ready, and refused beyond its stated distance; within that distance of a boundary its
verdicts are computed again on the reference (``petvision.models.predict``). So an engine changes
how long an answer takes, never the answer.
"""

from __future__ import annotations

import copy
import dataclasses
import importlib.util
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch

from petvision.errors import ConfigError
from petvision.events import Events, Progress, Result, result_of
from petvision.models import int8, speeds
from petvision.models.activations import memory_format
from petvision.models.architectures import can_rebuild
from petvision.models.check import agrees, check_pictures
from petvision.models.engines.base import Differentiator, Engine
from petvision.models.engines.torch_engine import (
    TorchEngine,
    TorchGradients,
    has_bf16,
    use_threads,
)
from petvision.models.handle import ModelHandle
from petvision.models.resnet import ResNet

REFERENCE = "torch-fp32"
ROUNDS = 5  # times an engine is measured, after once to warm up
PATIENCE = 1.0  # seconds an engine; a busy machine is not measured for minutes


@dataclass(frozen=True, slots=True)
class Kind:
    """An engine there may be: when it can be used, how it is made, how far it may be off.

    ``distance`` is in the unit of ``petvision.models.boundary``; the reference's own is 0.
    """

    name: str
    usable: Callable[[ModelHandle], bool]
    make: Callable[[ModelHandle], Engine]
    distance: float


def _always(handle: ModelHandle) -> bool:
    return True


def _reference(handle: ModelHandle) -> Engine:
    return handle.reference


def _has_openvino(handle: ModelHandle) -> bool:
    return _can_rebuild_with("openvino", handle)


def _has_ncnn(handle: ModelHandle) -> bool:
    return _can_rebuild_with("ncnn", handle)


def _can_rebuild_with(package: str, handle: ModelHandle) -> bool:
    here = importlib.util.find_spec(package) is not None and handle.device.type == "cpu"
    return here and can_rebuild(handle.network)


def _has_torch_bf16(handle: ModelHandle) -> bool:
    return has_bf16(handle.device)


def _has_openvino_bf16(handle: ModelHandle) -> bool:
    if not _has_openvino(handle):
        return False
    from petvision.models.engines import openvino_engine

    return openvino_engine.has_bf16()


def _torch_bf16(handle: ModelHandle) -> Engine:
    half = torch.bfloat16
    network = copy.deepcopy(handle.network)
    network.to(dtype=half, memory_format=memory_format(handle.device, half))  # type: ignore[call-overload]
    return TorchEngine(network, half)


def _ncnn_fp32(handle: ModelHandle, lanes: int = 1) -> Engine:
    from petvision.models.engines.ncnn_engine import NcnnEngine

    return NcnnEngine(handle.network, lanes)


def _openvino_fp32(handle: ModelHandle, lanes: int = 1) -> Engine:
    from petvision.models.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(handle.network, handle.spec.size, "fp32", lanes)


def _openvino_bf16(handle: ModelHandle, lanes: int = 1) -> Engine:
    from petvision.models.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(handle.network, handle.spec.size, "bf16", lanes)


def _openvino_int8(handle: ModelHandle, lanes: int = 1) -> Engine:
    from petvision.models.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(int8.file_of(handle), handle.spec.size, "int8", lanes)


# float32 engines differ by the order of their sums (seen: 1e-7; with ncnn's fewer multiplications
# 1e-6). A bfloat16 number has eight bits; what a ResNet-101 of OpenVINO makes of that rounding
# moved, over 734 test photos, the margin of the two classes, the probability of a pet and the
# nearest neighbours alike: by 0.09 % in the middle, 0.4 % for one photo in a hundred, 0.75 % at
# worst.
KINDS = (
    Kind(REFERENCE, _always, _reference, 0.0),
    Kind("openvino-fp32", _has_openvino, _openvino_fp32, 1e-4),
    Kind("ncnn-fp32", _has_ncnn, _ncnn_fp32, 1e-4),
    Kind("openvino-bf16", _has_openvino_bf16, _openvino_bf16, 0.8e-2),
    Kind("torch-bf16", _has_torch_bf16, _torch_bf16, 1.6e-2),
)


def available(handle: ModelHandle) -> list[str]:
    """The names of the engines that can answer for this model on this machine."""
    return [kind.name for kind in KINDS if kind.usable(handle)]


INT8 = "openvino-int8"
"""Runs only when it is named: it does not promise the reference's verdicts (``models.int8``)."""

IN_LANES = {
    "ncnn-fp32": _ncnn_fp32,
    "openvino-fp32": _openvino_fp32,
    "openvino-bf16": _openvino_bf16,
    INT8: _openvino_int8,
}


def for_many(handle: ModelHandle) -> ModelHandle:
    """The same model and kind of engine, made for many photos: one batch a thread at once.

    Worth its second or two of preparation from some hundred photos on. An engine that has no such
    form, or whose other form is too far from the reference, stays.
    """
    make = IN_LANES.get(handle.engine.name)
    lanes = use_threads()
    if make is None or lanes == 1:
        return handle
    made = make(handle, lanes)
    exact = handle.engine.name != INT8
    if exact and not agrees(handle, made, handle.distance, check_pictures(handle.spec)):
        return handle
    return dataclasses.replace(handle, engine=made)


def with_fast_engine(handle: ModelHandle, engine: str = "auto") -> ModelHandle:
    """The same model, answered by another engine that was compared with the reference.

    Args:
        handle: an opened model.
        engine: a name, or ``auto`` for the fastest of ``available``: measured once for a model
            on a machine, and remembered.

    Raises:
        ConfigError: ``range`` when there is no such engine here, or the one named is too far
            from the reference (``auto`` takes the next one).
    """
    return result_of(prepare_engine(handle, engine))


def prepare_engine(handle: ModelHandle, engine: str = "auto") -> Events[ModelHandle]:
    """``with_fast_engine`` as a job in short steps."""
    names = available(handle)
    if engine == INT8 and _has_openvino(handle):
        yield Progress(0, 0, f"preparing {engine}")
        yield Result(_in_eight_bits(handle))
        return
    if engine not in ("auto", *names):
        expected = f"auto or one that runs here ({', '.join(names)})"
        raise ConfigError("range", "--engine", key="engine", expected=expected, found=engine)
    order = [engine]
    if engine == "auto":
        order = yield from _fastest_first(handle, names)
    for name in order:
        yield Progress(0, 0, f"preparing {name}")
        kind = _kind(name)
        if kind.name == REFERENCE:
            exact = TorchGradients(handle.network)
            yield Result(
                dataclasses.replace(handle, engine=handle.reference, gradients=exact, distance=0.0)
            )
            return
        made = kind.make(handle)
        yield Progress(0, 0, f"checking {name}")
        if agrees(handle, made, kind.distance, check_pictures(handle.spec)):
            found = dataclasses.replace(
                handle,
                engine=made,
                gradients=_gradients(handle, name),
                distance=kind.distance,
            )
            yield Result(found)
            return
    expected = f"within {_kind(engine).distance:.2%} of the reference's answers"
    raise ConfigError("range", "--engine", key=engine, expected=expected, found="further off")


def _gradients(handle: ModelHandle, name: str) -> Differentiator:
    """Who differentiates beside an engine: OpenVINO beside its own and ncnn, torch beside torch.

    In float32 beside bfloat16, too: a single gradient in bfloat16 is another map (seen: correlation
    0.94 with float32's), and the mean of 28 on a path still differs (0.98, pooled over 8×8 pixels).
    """
    if name in IN_LANES and _has_openvino(handle):
        from petvision.models.engines import openvino_gradients

        network = handle.network
        if openvino_gradients.can_differentiate(network):
            assert isinstance(network, ResNet)
            return openvino_gradients.OpenVinoGradients(network, handle.spec.size)
    return TorchGradients(handle.network)


def _in_eight_bits(handle: ModelHandle) -> ModelHandle:
    cost = int8.cost_of(handle)
    if cost is None:
        name = handle.card.name
        remedy = f"Make one with: petvision models quantise {name} --data SPEC"
        raise ConfigError("key", name, key="8-bit form here", remedy=remedy)
    return dataclasses.replace(handle, engine=_openvino_int8(handle), distance=cost.distance)


def _kind(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name)


def _fastest_first(handle: ModelHandle, names: list[str]) -> Generator[Progress, None, list[str]]:
    key = speeds.key(handle.sha256, str(handle.device), names)
    remembered = speeds.recall(key)
    if remembered is not None and set(remembered) == set(names):
        return remembered
    times = {}
    for done, name in enumerate(names):
        yield Progress(done, len(names), f"measuring {name}")
        times[name] = yield from _milliseconds(handle, name)
    fastest = sorted(names, key=lambda name: times[name])
    speeds.remember(key, fastest)
    return fastest


def _milliseconds(handle: ModelHandle, name: str) -> Generator[Progress, None, float]:
    """The median time of a picture where many are computed; every round is a step of its own.

    In lanes, because that is where time counts: for one photo the engines of a kind differ by what
    nobody sees (seen: 75 and 62 to 87 ms), in bulk by hours.
    """
    make, size = IN_LANES.get(name), handle.spec.size
    engine = make(handle, use_threads()) if make else _kind(name).make(handle)
    pictures = [np.zeros((1, 3, size, size), np.float32)] * (2 * engine.lanes)
    times: list[float] = []
    with ThreadPoolExecutor(engine.lanes) as pool:
        list(pool.map(engine.forward, pictures))
        while len(times) < ROUNDS and sum(times) * len(pictures) < PATIENCE:
            yield Progress(len(times), ROUNDS, f"measuring {name}")
            start = time.perf_counter()
            list(pool.map(engine.forward, pictures))
            times.append((time.perf_counter() - start) / len(pictures))
    return 1000 * median(times)
