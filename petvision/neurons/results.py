"""What looking at single filters gives. numpy only, so that figures can draw it without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from petvision.images.types import Box, Floats, Geometry
from petvision.models.results import ModelIdentity, Prediction

Criterion = Literal["balanced", "mean", "max", "std", "effect", "focus"]
Level = Literal["very", "moderate", "weak", "none"]
Size = Literal["small", "medium", "large", "very large"]
Doubles = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layer:
    """A module of a network: its name, kind ("3×3 convolution, stride 2"), output and size.

    ``shape`` is the output's for one photo, (channels, height, width) or (values,), empty for a
    module without an output of its own; ``parameters`` counts numbers that were learnt, those of
    its parts included. ``filters`` is 0 for what is not a convolution. ``before_sum``: the ReLU
    comes only after a residual sum, so what is shown is the value before the sum, clipped at zero.
    ``sees_colour``: a convolution on the photo itself, whose kernels are pictures.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    filters: int = 0
    before_sum: bool = False
    sees_colour: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class FilterStats:
    """Figures of every filter of a layer on one photo, each float64 c.

    ``sparsity`` is the share of positions at or under a tenth of that map's own maximum (1 for a
    map that is zero everywhere, which ``dead`` tells).
    """

    mean: Doubles
    max: Doubles
    std: Doubles
    sparsity: Doubles

    @property
    def dead(self) -> npt.NDArray[np.bool_]:
        """Which filters are zero everywhere."""
        return np.asarray(self.max <= 0)


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """A layer's activations on one photo: ``maps`` float32 c×h×w, never negative.

    ``geometry`` maps the network's input, which the maps cover evenly, onto the photo.
    """

    layer: Layer
    maps: Floats
    stats: FilterStats
    geometry: Geometry

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of a map."""
        return self.maps.shape[1], self.maps.shape[2]


@dataclass(frozen=True, slots=True)
class Choice:
    """How filters are ranked.

    ``weight`` (0..1) is that of activation against selectivity; a filter whose sparsity is under
    ``minimum`` (or under a tenth) is left out. Both matter to ``balanced`` and ``focus`` only.
    """

    criterion: Criterion = "balanced"
    weight: float = 0.5
    minimum: float = 0.15


@dataclass(frozen=True, slots=True)
class Ranked:
    """A filter's place: ``rank`` from 1, its number in the layer, its score."""

    rank: int
    index: int
    score: float


@dataclass(frozen=True, slots=True)
class Region:
    """A connected place where a filter fires, boxes and points in pixels of the original photo.

    ``share`` is its part of what the network sees (0..1), ``intensity`` its mean activation as a
    share of the map's maximum, ``selectivity`` 1 − mean outside ÷ mean inside, ``interest`` their
    product. ``peak`` is the strongest point, ``cell`` its (row, column) in the map, and ``field``
    the exact receptive field of that cell (cut off at the edges of what the network sees).
    ``match`` is the normalised cross-correlation of the kernel with the photo at the peak, for a
    first layer (None elsewhere).
    """

    number: int
    box: Box
    peak: tuple[float, float]
    cell: tuple[int, int]
    field: Box
    share: float
    size: Size
    intensity: float
    selectivity: float
    interest: float
    match: float | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that can be translated: the template's places are filled from ``values``."""

    code: str
    template: str
    values: Mapping[str, str | int]

    def said(self, say: Callable[[str], str]) -> str:
        """The sentence in the language of ``say``, which translates a template or a word."""
        values = {key: say(v) if isinstance(v, str) else v for key, v in self.values.items()}
        return say(self.template).format(**values)

    def __str__(self) -> str:
        """The English sentence."""
        return self.said(str)


@dataclass(frozen=True, slots=True, eq=False)
class Detail:
    """All of one filter on one photo.

    ``kernel`` is float32 k×k×3 of a layer on the photo itself (as the network uses it, its
    BatchNorm folded in), None of a deeper one. ``words`` explain, ``warnings`` tell where to
    doubt; ``threshold`` is the share of the maximum that bounds the regions. ``effect`` is by how
    much the target's logit falls without the filter, where that was computed.
    """

    index: int
    level: Level
    mean: float
    max: float
    std: float
    sparsity: float
    threshold: float
    regions: tuple[Region, ...]
    kernel: Floats | None
    words: tuple[Sentence, ...]
    warnings: tuple[Sentence, ...]
    effect: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """The filters of one layer on one photo, ranked; ``details`` are of the first ``count``.

    ``effects`` (float64 c) is the target's logit with everything minus that without the filter,
    ``focus`` (float64 c) how much of each filter lies on the target's evidence, 0..1;
    both None unless asked for.
    """

    prediction: Prediction
    target: str
    model: ModelIdentity
    maps: Maps
    choice: Choice
    ranking: tuple[Ranked, ...]
    details: tuple[Detail, ...]
    effects: Doubles | None = None
    focus: Doubles | None = None

    @property
    def layer(self) -> Layer:
        """The layer that was looked at."""
        return self.maps.layer


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where the filters of a layer answer, filter by filter, at most nine places each.

    ``photo`` int c×k counts the folder's photos from 0 (−1: no more), ``value`` float32 c×k is the
    photo's largest activation, ``cell`` int c×k×2 its (row, column), and ``field`` float64 c×k×4
    the cell's exact receptive field in pixels of that photo.
    """

    photo: Numbers
    value: Floats
    cell: Numbers
    field: Doubles


@dataclass(frozen=True, slots=True, eq=False)
class Extremes:
    """What of a folder's photos fires each filter of a layer most and least, strongest first.

    ``mean`` and ``peak`` are float32 photos×filters: each photo's mean and largest activation; NaN
    for the photos that could not be read.
    """

    layer: str
    most: Places
    least: Places
    mean: Floats
    peak: Floats

    @property
    def read(self) -> int:
        """How many photos were looked at."""
        return int(np.isfinite(self.peak[:, 0]).sum())


@dataclass(frozen=True, slots=True)
class Loss:
    """What the verdicts of ``photos`` photos lose when filters are silenced.

    ``drop`` is the mean fall of the predicted class's logit, ``spread`` its standard deviation,
    ``changed`` how many photos get another class.
    """

    photos: int
    drop: float
    spread: float
    changed: int


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A piece of a photo: ``pixels`` uint8 h×w×3, which photo, and how strongly it fires."""

    pixels: npt.NDArray[np.uint8]
    label: str
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class Biography:
    """One filter over a folder: what fires it most and least, and what silencing it costs."""

    model: ModelIdentity
    layer: Layer
    index: int
    photos: int
    failed: int
    most: tuple[Patch, ...]
    least: tuple[Patch, ...]
    fires: float
    loss: Loss
    words: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Separation:
    """How well one filter tells two folders apart by its mean activation.

    ``effect`` is Cohen's d (first minus second, in pooled standard deviations), ``auroc`` the
    chance that a photo of the first folder fires it more than one of the second (0.5: none).
    """

    index: int
    effect: float
    auroc: float


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A picture that fires a filter strongly: ``pixels`` float32 h×w×3 in 0..1.

    ``activation`` is the filter's mean on it, ``usual`` that on the photo; ``steps`` were taken.
    """

    layer: str
    index: int
    pixels: Floats
    activation: float
    usual: float
    steps: int
