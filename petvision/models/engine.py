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
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch

from petvision.errors import ConfigError
from petvision.images.types import Floats
from petvision.models import speeds
from petvision.models.check import agrees, check_pictures
from petvision.models.engines.base import Engine
from petvision.models.engines.torch_engine import TorchEngine
from petvision.models.handle import ModelHandle

REFERENCE = "torch-fp32"
ROUNDS = 5  # timed forward passes an engine, after one to warm up
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
    if importlib.util.find_spec("openvino") is None or handle.device.type != "cpu":
        return False
    from petvision.models.engines.openvino_engine import can_build

    return can_build(handle.network)


def _has_bf16(handle: ModelHandle) -> bool:
    if handle.device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if importlib.util.find_spec("openvino") is None or handle.device.type != "cpu":
        return False
    from petvision.models.engines.openvino_engine import has_bf16

    return has_bf16()


def _has_openvino_bf16(handle: ModelHandle) -> bool:
    return _has_openvino(handle) and _has_bf16(handle)


def _torch_bf16(handle: ModelHandle) -> Engine:
    return TorchEngine(copy.deepcopy(handle.network).to(torch.bfloat16), torch.bfloat16)


def _openvino_fp32(handle: ModelHandle) -> Engine:
    from petvision.models.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(handle.network, handle.spec.size, "fp32")


def _openvino_bf16(handle: ModelHandle) -> Engine:
    from petvision.models.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(handle.network, handle.spec.size, "bf16")


# float32 engines differ by the order of their sums alone (seen: 1e-7). A bfloat16 number has eight
# bits; what a ResNet-101 of OpenVINO makes of that rounding moved, over 734 test photos, the margin
# of the two classes, the probability of a pet and the nearest neighbours alike: by 0.09 % in the
# middle, 0.4 % for one photo in a hundred, 0.75 % at worst.
KINDS = (
    Kind(REFERENCE, _always, _reference, 0.0),
    Kind("openvino-fp32", _has_openvino, _openvino_fp32, 1e-4),
    Kind("openvino-bf16", _has_openvino_bf16, _openvino_bf16, 0.8e-2),
    Kind("torch-bf16", _has_bf16, _torch_bf16, 1.6e-2),
)


def available(handle: ModelHandle) -> list[str]:
    """The names of the engines that can answer for this model on this machine."""
    return [kind.name for kind in KINDS if kind.usable(handle)]


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
    names = available(handle)
    if engine not in ("auto", *names):
        expected = f"auto or one that runs here ({', '.join(names)})"
        raise ConfigError("range", "--engine", key="engine", expected=expected, found=engine)
    if engine != "auto":
        return _trusted(handle, engine)
    for name in _fastest_first(handle, names):
        try:
            return _trusted(handle, name)
        except ConfigError:  # too far from the reference here: the next one
            continue
    return handle


def _trusted(handle: ModelHandle, name: str) -> ModelHandle:
    kind = next(kind for kind in KINDS if kind.name == name)
    if name == REFERENCE:
        return dataclasses.replace(handle, engine=handle.reference, distance=0.0)
    engine = kind.make(handle)
    if not agrees(handle, engine, kind.distance, check_pictures(handle.spec)):
        expected = f"within {kind.distance:.2%} of the reference's answers"
        raise ConfigError("range", "--engine", key=name, expected=expected, found="further off")
    return dataclasses.replace(handle, engine=engine, distance=kind.distance)


def _fastest_first(handle: ModelHandle, names: list[str]) -> list[str]:
    key = speeds.key(handle.sha256, str(handle.device), names)
    remembered = speeds.recall(key)
    if remembered is not None and set(remembered) == set(names):
        return remembered
    size = handle.spec.size
    picture = np.zeros((1, 3, size, size), np.float32)
    times = {n: _milliseconds(_make(handle, n), picture) for n in names}
    fastest = sorted(names, key=lambda n: times[n])
    speeds.remember(key, fastest)
    return fastest


def _make(handle: ModelHandle, name: str) -> Engine:
    return next(kind for kind in KINDS if kind.name == name).make(handle)


def _milliseconds(engine: Engine, picture: Floats) -> float:
    engine.forward(picture)
    times: list[float] = []
    while len(times) < ROUNDS and sum(times) < PATIENCE:
        start = time.perf_counter()
        engine.forward(picture)
        times.append(time.perf_counter() - start)
    return median(times) * 1000
