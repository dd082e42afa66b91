"""What an explanation method is, and what it works on.

A method is one file and one line in the registry. It runs as a generator of events, with nothing
temporary alive across a ``yield`` (see ``petvision.events``): every piece of work between two is
a plain function that leaves network and input as they were.
"""

from __future__ import annotations

import functools
import platform
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

import petvision
from petvision.events import Events
from petvision.explain.results import Explanation, MethodCard, Provenance
from petvision.images.types import Floats, Prepared
from petvision.models.engines.base import Engine, Trunk
from petvision.models.handle import ModelHandle
from petvision.models.results import Prediction


class Parameters(BaseModel):
    """What a person may choose of a method; forms, command line and server read the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """One question: why would this model say ``target`` of this photo?

    ``prediction`` is the model's verdict and ``trunk`` the last maps of the engine's forward
    pass that gave it, where they are known already.
    """

    handle: ModelHandle
    prepared: Prepared
    prediction: Prediction | None
    target: str
    trunk: Trunk | None = None

    @property
    def index(self) -> int:
        """The output of the target class."""
        return self.handle.class_index(self.target)

    @property
    def pixels(self) -> Floats:
        """What the network sees: float32 1×3×S×S."""
        return self.prepared.pixels

    def last_maps(self) -> Trunk:
        """Features and last maps of the engine's forward pass; computed where not known."""
        if self.trunk is not None and self.trunk.maps is not None:
            return self.trunk
        return self.handle.engine.forward(self.pixels, maps=True)

    @property
    def maps_engine(self) -> str:
        """Who computes the last maps: near a boundary the reference did, with the verdict."""
        if self.trunk is not None and self.prediction is not None:
            return self.prediction.engine
        return self.handle.engine.name

    def provenance(self, engine: str, seed: int | None = None) -> Provenance:
        """Where a result computed by ``engine`` comes from."""
        sha256 = self.prepared.facts.sha256
        return Provenance(self.handle.identity, sha256, engine, versions(), seed)


class Method(ABC, Generic[P]):
    """An explanation method.

    ``id`` names it everywhere, ``artifact`` in the server's answer; ``kind`` is what it results
    in. ``Parameters`` holds its defaults: ``method.Parameters()`` always works.
    """

    id: ClassVar[str]
    artifact: ClassVar[str]
    card: ClassVar[MethodCard]
    kind: ClassVar[type[Explanation]]
    Parameters: type[P]

    @property
    def title(self) -> str:
        """What heads its panel."""
        return self.card.title

    @abstractmethod
    def run(self, context: Context, parameters: P) -> Events[Explanation]:
        """Explain, step by step.

        Raises:
            ConfigError: when the parameters do not fit the network.
        """

    def quicker(self, parameters: P) -> P:
        """Parameters of less work for a check that needs no sharp map; as they are by default."""
        return parameters


@functools.cache
def versions() -> Mapping[str, str]:
    """The versions that a result depends on."""
    found = {
        "petvision": petvision.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    for name in ("openvino", "ncnn"):  # what engines compute with, where it is there
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return MappingProxyType(found)


def pictures_per_step(engine: Engine, device: torch.device) -> int:
    """How many forward passes of a deep network take about 0.2 s on two cores."""
    if device.type != "cpu":
        return 32
    return {"torch-fp32": 2, "openvino-bf16": 8}.get(engine.name, 4)


def worth_showing(done: int, before: int, total: int, times: int = 8) -> bool:
    """Whether one of ``times`` evenly spread marks lies between ``before`` and ``done``."""
    return done < total and done * times // total > before * times // total


def as_parameters(values: BaseModel) -> Mapping[str, Any]:
    """A method's parameters as plain values, for results and files."""
    return MappingProxyType(values.model_dump(mode="json"))
