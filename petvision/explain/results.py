"""What an explanation is. numpy only, so that figures can draw it without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from petvision.errors import PetVisionError
from petvision.images.types import Floats, Geometry, Pixels
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
class WindowScores:
    """The target's score with each window of an occlusion covered, for who points at the map.

    ``size``, ``window`` and ``stride`` are in model pixels; ``logit`` and ``probability`` the
    scores of the whole photo, ``logits`` and ``probabilities`` float32 n×n with each window
    covered, NaN where it was not evaluated.
    """

    size: int
    window: int
    stride: int
    logit: float
    probability: float
    logits: Floats
    probabilities: Floats

    def at(self, x: float, y: float) -> tuple[int, int] | None:
        """The evaluated window (row, column) whose middle is nearest to a model point.

        None where no evaluated window covers it.
        """
        half = self.window / 2
        rows, columns = np.nonzero(np.isfinite(self.logits))
        down, right = (
            np.abs(rows * self.stride + half - y),
            np.abs(columns * self.stride + half - x),
        )
        far = np.maximum(down, right)
        if not len(far) or far.min() > half:
            return None
        best = int(np.argmin(np.hypot(down, right)))
        return int(rows[best]), int(columns[best])


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """One heat map for a target class: ``heat`` float32 h×w on the model's own grid.

    The grid covers the model's whole input evenly (``geometry`` maps that input onto the
    original). ``signed`` maps speak for (+) and against (−) the target; others are ≥ 0. ``measure``
    says what one unit of heat is, with ``{target}`` for the class ("change of the {target} logit"):
    maps of one measure may share a scale, whatever their classes. ``remark`` is a plain sentence
    where the map needs one ("no positive evidence for dog here"), else empty.
    ``baseline`` is the picture of nothing that the method started from or covered with, RGB uint8
    S×S×3, and ``windows`` the scores behind an occlusion, where the method has them.
    ``cut_short``: the clock ended the work, and a quieter machine would have given more.
    """

    method: str
    card: MethodCard
    parameters: Mapping[str, object]
    target: str
    heat: Floats
    signed: bool
    measure: str
    geometry: Geometry
    facts: tuple[Fact, ...]
    provenance: Provenance
    remark: str = ""
    baseline: Pixels | None = None
    windows: WindowScores | None = None
    cut_short: bool = False

    @property
    def unit(self) -> str:
        """What one unit of heat is, told of its class: "change of the dog logit"."""
        return self.measure.replace("{target}", self.target)


@dataclass(frozen=True, slots=True, eq=False)
class LayerMaps:
    """Feature maps of one layer: ``maps`` float32 k×h×w, of the ``channels`` named, of ``total``.

    ``label`` is the layer's name for a person ("layer2"); values are activations after the ReLU.
    ``filters`` names the convolution whose filters the channels are, empty where none is known.
    """

    label: str
    maps: Floats
    channels: tuple[int, ...]
    total: int
    filters: str = ""


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


def honest(raw: Floats, target: str, signed: bool = True, floor: float = 0.0) -> tuple[Floats, str]:
    """A raw map as it may be shown, and the remark it needs: none, or why there is nothing to see.

    Args:
        raw: signed, of any shape.
        target: the class it speaks of.
        signed: False cuts off what speaks against the class.
        floor: heat up to here is no more than rounding, and never shown stretched.
    """
    if not np.isfinite(raw).all():
        return np.zeros(raw.shape, np.float32), f"the network gave no number for {target} here"
    heat = np.asarray(raw if signed else np.maximum(raw, 0), np.float32)
    if np.abs(heat).max() <= floor:
        nothing = "nothing here changes the answer for" if signed else "no positive evidence for"
        return np.zeros_like(heat), f"{nothing} {target}{'' if signed else ' here'}"
    if heat.max() <= floor:
        return heat, f"no positive evidence for {target} here"
    return heat, ""


def rounding(weights: Floats, activations: Floats) -> float:
    """What float32 may leave of a sum of weighed channels that cancels out.

    Args:
        weights: c×1×1 or c×h×w.
        activations: c×h×w.
    """
    return 1e-6 * float(np.abs(weights * activations).sum(0).max())


def strongest(heat: Floats) -> float:
    """How strong the strongest places of a map are, whatever their sign.

    That is the largest value; only where single pixels tower over their own surroundings, as
    gradients do, it is the value that one pixel in 50 exceeds: next to those few all others would
    look like nothing.
    """
    sizes = np.abs(heat)
    usual, largest = float(np.quantile(sizes, 0.98)), float(sizes.max())
    return usual if usual > 0 and _spiky(heat) else largest


def _spiky(heat: Floats) -> bool:
    """Whether the largest value is over three times the largest mean of a 4×4 block."""
    rows, columns = (side // 4 for side in heat.shape)
    if min(rows, columns) < 16:
        return False
    blocks = heat[: rows * 4, : columns * 4].reshape(rows, 4, columns, 4).mean((1, 3))
    return bool(np.abs(heat).max() > 3 * np.abs(blocks).max())


@dataclass(frozen=True, slots=True, eq=False)
class ClassMaps:
    """The maps of every class from one forward pass; any class is one small product away.

    For networks that end in an average and a linear layer.
    ``activations`` float32 c×h×w are the last layer's; ``weights`` float32 n×c what each of its
    channels counts for each class, in the order of ``classes``; ``logits`` float32 n. ``measure``
    as in ``Attribution``.
    """

    method: str
    card: MethodCard
    parameters: Mapping[str, object]
    classes: tuple[str, ...]
    activations: Floats
    weights: Floats
    logits: Floats
    measure: str
    geometry: Geometry
    provenance: Provenance

    def raw(self, target: str) -> Floats:
        """The signed map of a class, float32 h×w."""
        return self._map(self.weights[self.classes.index(target)])

    def all_raw(self) -> Floats:
        """The signed maps of all classes, float32 n×h×w."""
        channels, high, wide = self.activations.shape
        return np.asarray(
            (self.weights @ self.activations.reshape(channels, -1)).reshape(-1, high, wide)
        )

    def attribution(self, target: str) -> Attribution:
        """The map of a class, with what speaks against it cut off."""
        index = self.classes.index(target)
        raw = self.raw(target)
        facts: tuple[Fact, ...] = ()
        if np.isfinite(raw).all():
            facts = (
                Fact("logit", float(self.logits[index]), "", f"Logit of {target}"),
                Fact("evidence_for", float(raw.clip(min=0).sum()), "", "Evidence for"),
                Fact("evidence_against", float(-raw.clip(max=0).sum()), "", "Against (not shown)"),
            )
        weights = self.weights[index]
        return self._attribution(raw, weights, target, facts, False)

    def difference(self, one: str, other: str) -> Attribution:
        """The map of a class minus that of another: signed, + for ``one`` and − for ``other``."""
        first, second = self.classes.index(one), self.classes.index(other)
        weights = self.weights[first] - self.weights[second]
        raw = self._map(weights)
        facts: tuple[Fact, ...] = ()
        if np.isfinite(raw).all():
            apart = float(self.logits[first] - self.logits[second])
            facts = (Fact("logit_difference", apart, "", f"Logit of {one} minus {other}"),)
        target = f"{one} − {other}"
        return self._attribution(raw, weights, target, facts, True)

    def _map(self, weights: Floats) -> Floats:
        return np.asarray(np.tensordot(weights, self.activations, 1), np.float32)

    def _attribution(
        self, raw: Floats, weights: Floats, target: str, facts: tuple[Fact, ...], signed: bool
    ) -> Attribution:
        heat, remark = honest(
            raw, target, signed, rounding(weights[:, None, None], self.activations)
        )
        return Attribution(
            method=self.method,
            card=self.card,
            parameters=self.parameters,
            target=target,
            heat=heat,
            signed=signed,
            measure=self.measure,
            geometry=self.geometry,
            facts=facts,
            provenance=self.provenance,
            remark=remark,
        )


Light = Literal["green", "amber", "red"]


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """How a class's probability changes as the photo is uncovered and covered in some order.

    ``insertion`` and ``deletion`` are float32 k×(steps+1): the probability of the target when the
    first ``shares`` (0 … 1, steps+1) of the pixels are uncovered on the blurred photo, or blurred
    on the photo; k orders. ``words`` names the order ("this map", "random order").
    """

    words: str
    shares: Floats
    insertion: Floats
    deletion: Floats

    @property
    def areas(self) -> Floats:
        """Area under insertion minus area under deletion, for each order: float32 k, in −1 … 1."""
        over = self.insertion - self.deletion
        return np.asarray(np.trapezoid(over, self.shares, axis=1), np.float32)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a map: its ``code`` (``random``, ``blob``, ``randomised``, ``gap``).

    ``value`` is what was measured (a difference of areas, a rank correlation, a share in %),
    ``low`` and ``high`` its 95 % interval (equal to ``value`` where there is none), ``light`` what
    it means and ``words`` the sentence that says it.
    """

    code: str
    light: Light
    value: float
    low: float
    high: float
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """Whether an attribution map deserves belief: the badge of its panel and what stands behind it.

    ``light`` is the worst of the ``checks``, ``code`` that check's, ``words`` its sentence.
    ``own``, ``random`` and ``blob`` are the curves of the map, of random orders and of centred
    blobs. ``twin`` is the same method's map of the network with its weights shuffled (the first of
    the ``correlations``, one a seed). Where a map is empty there is nothing to check: curves and
    twin are None.
    """

    method: str
    target: str
    light: Light
    code: str
    words: str
    checks: tuple[Check, ...] = ()
    own: Curves | None = None
    random: Curves | None = None
    blob: Curves | None = None
    twin: Attribution | None = None
    correlations: tuple[float, ...] = ()
    provenance: Provenance | None = None


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
