"""What an explanation is. numpy only, so that figures can draw it without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from petvision.images.types import Floats, Geometry
from petvision.models.results import ModelIdentity


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a result came from: enough to run it again and get the same."""

    model: ModelIdentity
    image_sha256: str
    engine: str
    versions: Mapping[str, str]
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One measured figure of a result, such as the completeness gap.

    ``code`` is stable (``completeness_gap``); ``value`` the figure in ``unit`` (``"%"``,
    ``"logit"``, ``"windows"``, ``""``); ``words`` the English sentence or label shown beside it.
    """

    code: str
    value: float
    unit: str
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """One heat map for a target class: ``heat`` float32 h×w on the model's own grid.

    The grid covers the model's whole input evenly (``geometry`` maps that input onto the
    original). ``signed`` maps speak for (+) and against (−) the target; others are ≥ 0. ``unit``
    says what one unit of heat is (for instance "change of the dog logit"). ``remark`` is a plain
    sentence where the map needs one ("no positive evidence for dog here"), else empty.
    """

    method: str
    parameters: Mapping[str, object]
    target: str
    heat: Floats
    signed: bool
    unit: str
    geometry: Geometry
    facts: tuple[Fact, ...]
    provenance: Provenance
    remark: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class LayerMaps:
    """Feature maps of one layer: ``maps`` float32 k×h×w, of the ``channels`` named, of ``total``.

    ``label`` is the layer's name for a person ("layer2"); values are activations after the ReLU.
    """

    label: str
    maps: Floats
    channels: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True, eq=False)
class ChannelMaps:
    """Feature maps through the depth of the network, one entry a layer."""

    method: str
    parameters: Mapping[str, object]
    layers: tuple[LayerMaps, ...]
    geometry: Geometry
    facts: tuple[Fact, ...]
    provenance: Provenance
    remark: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class KernelSet:
    """Filters of one convolution: ``weights`` float32 n×c×k×k as stored, ``norms`` their L2 norm.

    A first layer over RGB (c = 3) can be seen as pictures; a deeper one cannot, and only its
    norms are shown. ``channels`` are the filters' numbers in the layer of ``total``.
    """

    method: str
    parameters: Mapping[str, object]
    layer: str
    weights: Floats
    norms: Floats
    channels: tuple[int, ...]
    total: int
    facts: tuple[Fact, ...]
    provenance: Provenance
    remark: str = ""


Explanation = Attribution | ChannelMaps | KernelSet
