"""What an explanation is. numpy only, so that figures can draw it without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from petvision.errors import PetVisionError
from petvision.images.types import Floats, Geometry
from petvision.models.results import ModelIdentity, Prediction


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

    def __str__(self) -> str:
        """``Completeness gap: 2.1 %``: whole figures whole, others with three digits."""
        value = self.value if abs(self.value) >= 0.0005 else 0.0
        figure = f"{value:,.0f}" if float(value).is_integer() else _three(value)
        return f"{self.words}: {figure.replace('-', '−')} {self.unit}".rstrip()


def _three(value: float) -> str:
    decimals = 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{decimals}f}"


@dataclass(frozen=True, slots=True)
class MethodCard:
    """What a person should know of a method before believing it.

    ``title`` heads its panel; ``shows`` and ``cannot`` are one sentence each: what it shows and
    what it cannot say. ``sign`` tells how to read the colours, ``cost`` counts passes through the
    network, ``paper`` is the source (empty where there is none).
    """

    title: str
    shows: str
    cannot: str
    sign: str
    cost: str
    paper: str
    needs_baseline: bool = False

    @property
    def sentence(self) -> str:
        """The sentences under the title: what it shows, then what it cannot say."""
        return f"{self.shows} {self.cannot}"


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """One heat map for a target class: ``heat`` float32 h×w on the model's own grid.

    The grid covers the model's whole input evenly (``geometry`` maps that input onto the
    original). ``signed`` maps speak for (+) and against (−) the target; others are ≥ 0. ``unit``
    says what one unit of heat is (for instance "change of the dog logit"). ``remark`` is a plain
    sentence where the map needs one ("no positive evidence for dog here"), else empty.
    """

    method: str
    card: MethodCard
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
    card: MethodCard
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
    card: MethodCard
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


@dataclass(frozen=True, slots=True)
class Failure:
    """A method that could not be run, and why; the others go on."""

    method: str
    error: PetVisionError


@dataclass(frozen=True, slots=True)
class Explained:
    """The explanations of one photo, in the order asked for, and the methods that failed."""

    prediction: Prediction
    target: str
    explanations: tuple[Explanation, ...] = ()
    failures: tuple[Failure, ...] = ()
