"""Integrated Gradients: how much each pixel moved the score on the way from a baseline."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from time import monotonic
from typing import Literal

import numpy as np
from pydantic import Field

from petvision.events import Event, Partial, Progress, Result
from petvision.explain.base import (
    Context,
    Method,
    Parameters,
    as_parameters,
    pictures_per_step,
    worth_showing,
)
from petvision.explain.fills import Fill, fill
from petvision.explain.memory import Gradients
from petvision.explain.path import (
    Doubles,
    Part,
    Path,
    Steps,
    adaptive_edges,
    equal_steps,
    parted,
    spread,
    with_middles,
)
from petvision.explain.results import Attribution, Explanation, Fact, MethodCard, honest
from petvision.images.prepare import denormalise
from petvision.images.types import Floats

PROFILE = 33
"""Places at which the score is looked at before the steps are placed, both ends included."""

SKETCH = np.array([0.25, 0.75])
"""Where gradients are taken for a first rough map, while the steps are not placed yet."""

MOST = 4
"""Refining ends at so many times the steps it began with, whatever the gap."""

FEWEST = 8
"""Time ends it after so many gradients at the earliest: a map of fewer says nothing."""

TIME_UP = ": time was up"


class IntegratedGradientsParameters(Parameters):
    """The path, where gradients are taken on it, and when that is enough."""

    steps: int = Field(
        22,
        ge=2,
        le=1024,
        title="Steps",
        description="How many gradients are taken on the way; adaptive adds more where needed.",
    )
    placement: Literal["adaptive", "equal"] = Field(
        "adaptive",
        title="Placement",
        description="adaptive: more steps where the score changes; equal: evenly spread.",
    )
    tolerance: float = Field(
        1.5,
        ge=0,
        le=100,
        title="Tolerance",
        description="Adaptive stops when the map misses at most so many per cent of the change "
        "of the score.",
    )
    seconds: float = Field(
        20.0,
        ge=0,
        le=3600,
        title="Seconds",
        description=f"Adaptive takes no further step after so much time; {FEWEST} it always takes.",
    )
    rule: Literal["midpoint", "gausslegendre"] = Field(
        "midpoint",
        title="Rule",
        description="How equal steps are weighed: the middle of equal parts, or Gauss-Legendre.",
    )
    baseline: Fill = Field(
        "mean", title="Baseline", description="The picture of nothing where the path begins."
    )
    seed: int = Field(
        0, ge=0, le=2**32 - 1, title="Seed", description="Of the noise, where that is the baseline."
    )


class IntegratedGradients(Method[IntegratedGradientsParameters]):
    """Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML 2017.

    The gradient of the class's logit, averaged along the straight line from a baseline picture to
    the photo, times the difference of the two, summed over the colour channels. The sum of an
    exact map is the difference of the two logits; how far this one is from it (the completeness
    gap) is always told. Adaptive steps are placed where the score changes and refined where a
    gradient misses that change most, until the gap is within the tolerance or time is up.
    """

    id = "integrated_gradients"
    artifact = "integrated_gradients_overlay"
    kind = Attribution
    Parameters = IntegratedGradientsParameters
    card = MethodCard(
        title="Integrated Gradients",
        shows="Each pixel's share in the score on the way from a plain picture to this photo: "
        "orange for the class, blue against it.",
        cannot="It depends on the plain picture chosen, and single pixels are noisy: "
        "read areas, not dots.",
        sign="Positive: the pixel moved the score towards the class; negative: away from it.",
        cost="A forward and a backward pass for each step (22 or more by default), and 33 forward "
        "passes to place them.",
        paper="Sundararajan et al., Axiomatic Attribution for Deep Networks, ICML 2017",
        needs_baseline=True,
    )

    def run(
        self, context: Context, parameters: IntegratedGradientsParameters
    ) -> Iterator[Event[Explanation]]:
        """Where steps are adaptive a sketch and a profile of the path; then the steps."""
        handle = context.handle
        start = fill(context.pixels, handle.spec, parameters.baseline, parameters.seed)
        yield Progress(0, parameters.steps, "gradients")
        ends = handle.logits(np.concatenate([start, context.pixels]), handle.reference)
        logits = ends[:, context.index].astype(np.float64)
        line = _Line(context, parameters, start, logits)
        if parameters.placement == "equal":
            yield from _equal(line)
        else:
            yield from _adaptive(line)

    def quicker(self, parameters: IntegratedGradientsParameters) -> IntegratedGradientsParameters:
        """At most twelve steps, and no refining."""
        few = min(12, parameters.steps)
        return parameters.model_copy(update={"steps": few, "tolerance": 1e9})


class _Line:
    """The straight line from a baseline picture to a photo."""

    def __init__(
        self,
        context: Context,
        parameters: IntegratedGradientsParameters,
        start: Floats,
        logits: Doubles,
    ) -> None:
        self.context, self.parameters, self.start, self.logits = context, parameters, start, logits
        self.way = context.pixels - start
        self.gradients = Gradients(context.handle)

    @property
    def change(self) -> float:
        """What an exact map adds up to."""
        return float(self.logits[1] - self.logits[0])

    def at(self, alphas: Doubles) -> Floats:
        """The pictures at ``alphas`` between the two: float32 N×3×S×S."""
        share = alphas.astype(np.float32).reshape(-1, 1, 1, 1)
        return np.asarray(self.start + share * self.way, np.float32)

    def heats(self, alphas: Doubles) -> Floats:
        """The gradients there times the way, summed over the colours: float32 N×S×S."""
        gradients, _ = self.gradients(self.at(alphas), self.context.index)
        return np.asarray((self.way * gradients).sum(1))

    def gap(self, heat: Doubles) -> float:
        """How far a map's sum is from the change of the score, as a share of that."""
        miss = abs(float(heat.sum()) - self.change)
        return miss / abs(self.change) if abs(self.change) > 1e-6 else miss

    def result(self, heat: Doubles, taken: int, why: str = "") -> Attribution:
        """The map as far as it is known; ``why`` says why it was enough."""
        context, parameters = self.context, self.parameters
        floor = 1e-7 * max(1.0, float(np.abs(self.logits).max()))
        shown, remark = honest(heat.astype(np.float32), context.target, floor=floor)
        return Attribution(
            method=IntegratedGradients.id,
            card=IntegratedGradients.card,
            parameters=as_parameters(parameters),
            target=context.target,
            heat=shown,
            signed=True,
            measure="{target} logit per pixel",
            geometry=context.prepared.geometry,
            facts=self._facts(heat, taken, why),
            provenance=context.provenance(self._engine(), self._seed()),
            remark=remark,
            baseline=denormalise(self.start, context.handle.spec),
            cut_short=why.endswith(TIME_UP),
        )

    def _facts(self, heat: Doubles, taken: int, why: str) -> tuple[Fact, ...]:
        before, after = (float(v) for v in self.logits)
        if not np.isfinite([float(heat.sum()), before, after]).all():
            return ()
        words = f"Completeness gap ({why})" if why else "Completeness gap"
        gap = self.gap(heat)
        if abs(self.change) > 1e-6:
            told = Fact("completeness_gap", 100 * gap, "%", words)
        else:
            told = Fact("completeness_gap", gap, "logit", words)
        return (
            told,
            Fact("steps", taken, "", "Gradients taken"),
            Fact("logit", after, "", f"Logit of {self.context.target}"),
            Fact("baseline_logit", before, "", "Of the baseline"),
        )

    def _engine(self) -> str:
        """Who computed the gradients; another engine may have said where to take them."""
        name, engine = self.gradients.name, self.context.handle.engine.name
        if self.parameters.placement == "equal" or engine == name:
            return name
        return f"{name}, steps placed by {engine}"

    def _seed(self) -> int | None:
        return self.parameters.seed if self.parameters.baseline == "noise" else None


def _equal(line: _Line) -> Iterator[Event[Explanation]]:
    steps: Steps = equal_steps(line.parameters.steps, line.parameters.rule)
    total = line.parameters.steps
    order, done = spread(total), 0
    summed, weight = np.zeros(line.way.shape[2:], np.float64), 0.0
    while done < total:
        chosen = order[done : done + line.gradients.size]
        heats = line.heats(steps.alphas[chosen])
        summed += np.einsum("n,nhw->hw", steps.weights[chosen], heats)
        weight += float(steps.weights[chosen].sum())
        before, done = done, done + len(chosen)
        yield Progress(done, total, "gradients")
        if worth_showing(done, before, total):
            yield Partial(line.result(summed / weight, done))
    yield Result(line.result(summed, total))


def _adaptive(line: _Line) -> Iterator[Event[Explanation]]:
    parameters, begun = line.parameters, monotonic()
    total = parameters.steps
    places = SKETCH if total >= 10 * len(SKETCH) else SKETCH[:0]  # little beside the rest
    sketched = yield from _sketch(line, places)
    profile = yield from _profile(line, total)
    path = parted(with_middles(adaptive_edges(total, profile), places), profile)
    for place, heat in zip(places, sketched, strict=True):
        path.take(path.nearest(place), heat)
    todo = [part for i in spread(total) if (part := path.parts[i]).heat is None]
    done = total - len(todo)
    while todo and not (path.taken >= FEWEST and monotonic() - begun >= parameters.seconds):
        chosen, todo = todo[: line.gradients.size], todo[line.gradients.size :]
        _take(line, path, chosen)
        before, done = done, done + len(chosen)
        yield Progress(done, total, "gradients")
        if worth_showing(done, before, total):
            yield Partial(line.result(path.map(), done))

    if todo:
        yield Result(line.result(path.map(), done, f"{done} of {total} steps{TIME_UP}"))
        return
    while (why := _enough(line, path, done, monotonic() - begun)) is None:
        _take(line, path, path.split())
        before, done = done, done + 2
        yield Progress(done, max(total, done + 2), "gradients where they miss most")
        if done // 8 > before // 8:
            yield Partial(line.result(path.map(), done))
    yield Result(line.result(path.map(), done, why))


def _sketch(line: _Line, places: Doubles) -> Generator[Event[Explanation], None, Sequence[Floats]]:
    """The heats at a few places, and a first rough map of them to look at."""
    if not len(places):
        return ()
    yield Progress(0, line.parameters.steps, "gradients")
    heats = line.heats(places)
    yield Partial(line.result(heats.mean(0, dtype=np.float64), len(places), "a first sketch"))
    return tuple(heats)


def _profile(line: _Line, total: int) -> Generator[Progress, None, Doubles]:
    """The score along the path by forward passes alone, brought to the reference's two ends."""
    handle, index = line.context.handle, line.context.index
    places = np.linspace(0, 1, PROFILE)
    profile = np.empty(PROFILE)
    size = pictures_per_step(handle.engine, handle.device)
    for first in range(0, PROFILE, size):
        part = slice(first, min(first + size, PROFILE))
        profile[part] = handle.logits(line.at(places[part]))[:, index]
        yield Progress(0, total, "looking where the score changes")
    off = line.logits - profile[[0, -1]]
    return np.asarray(profile + off[0] + places * (off[1] - off[0]))


def _take(line: _Line, path: Path, parts: list[Part]) -> None:
    heats = line.heats(np.array([part.middle for part in parts]))
    for part, heat in zip(parts, heats, strict=True):
        path.take(part, heat)


def _enough(line: _Line, path: Path, done: int, seconds: float) -> str | None:
    """Why no further gradient is needed; None where one is."""
    tolerance = line.parameters.tolerance
    gap = 100 * line.gap(path.map())
    if not np.isfinite(gap) or gap <= tolerance:
        return f"at most {tolerance:g} % was asked for"
    if seconds >= line.parameters.seconds:
        return f"more than the {tolerance:g} % asked for{TIME_UP}"
    if done + 2 > MOST * line.parameters.steps:
        return f"more than the {tolerance:g} % asked for, after {done} gradients"
    return None
