"""Occlusion sensitivity: cover each place in turn and see what the score loses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from petvision.errors import ConfigError
from petvision.events import Event, Partial, Progress, Result
from petvision.explain.base import (
    Context,
    Method,
    Parameters,
    as_parameters,
    pictures_per_step,
    worth_showing,
)
from petvision.explain.fills import fill
from petvision.explain.results import (
    Attribution,
    Explanation,
    Fact,
    MethodCard,
    WindowScores,
    honest,
)
from petvision.explain.windows import Doubles, Places, Windows, filled_in, most_promising
from petvision.images.prepare import denormalise
from petvision.images.types import Floats

SPOT_CHECKS = 6
"""Windows drawn at random, whose value was guessed before it was measured."""

FEW = 36
"""So many windows are all evaluated, anytime or not."""


class OcclusionParameters(Parameters):
    """The window, its steps, what is put there, and how much of it is evaluated."""

    window: int = Field(
        32, ge=1, le=4096, title="Window", description="Side of the covering square, model pixels."
    )
    stride: int = Field(
        16, ge=1, le=4096, title="Stride", description="From one square to the next, model pixels."
    )
    fill: Literal["mean", "black", "white", "blur", "noise"] = Field(
        "mean", title="Fill", description="What is put over the place."
    )
    mode: Literal["anytime", "exact"] = Field(
        "anytime",
        title="Mode",
        description="anytime: a coarse grid, then finer where it matters; exact: every window.",
    )
    share: int = Field(
        46,
        ge=1,
        le=100,
        title="Share",
        description="At most how many per cent of the windows anytime evaluates, beyond a coarse "
        "grid and a few at random.",
    )
    scale: Literal["logit", "probability"] = Field(
        "logit",
        title="Scale",
        description="What a unit of heat is: a change of the logit or of the probability.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**32 - 1,
        title="Seed",
        description="Of the noise, where that is the fill, and of the spot checks.",
    )

    @model_validator(mode="after")
    def _leaves_no_pixel_out(self) -> OcclusionParameters:
        if self.stride > self.window:
            raise ValueError("stride must be at most the window, or pixels would be left out")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What is known of one run: logits across×across×classes and which windows were evaluated."""

    context: Context
    windows: Windows
    cover: Floats
    whole: Doubles  # the logits of the photo itself
    logits: Doubles
    known: NDArray[np.bool_]

    def evaluate(self, places: Places) -> None:
        """Cover some places, a forward pass each."""
        batch = _covered(self.context.pixels, self.cover, self.windows, places)
        self.logits[tuple(places.T)] = self.context.handle.logits(batch)
        self.known[tuple(places.T)] = True

    def drops(self, scale: str) -> Doubles:
        """What the target's score loses by each window, NaN where it is not known."""
        whole, covered = self.whole, self.logits
        if scale == "probability":
            scores = self.context.handle.heads.scores
            whole = scores(self.whole[None].astype(np.float32))[0]
            covered = np.full_like(self.logits, np.nan)
            covered[self.known] = scores(self.logits[self.known].astype(np.float32))
        return np.asarray((whole - covered)[..., self.context.index], np.float64)


class Occlusion(Method[OcclusionParameters]):
    """Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.

    A square covers one place after another; the heat of a pixel is the mean, over the squares
    that covered it, of the class's score without the square minus the score with it. Anytime, only
    a coarse grid and then the most promising places are covered; the rest is a smooth surface
    through what is known, and how wrong that is, is measured on places drawn at random.
    """

    id = "occlusion"
    artifact = "occlusion_overlay"
    kind = Attribution
    Parameters = OcclusionParameters
    card = MethodCard(
        title="Occlusion sensitivity",
        shows="Each place was covered in turn: orange where covering it lowers the score of the "
        "class, blue where it raises it.",
        cannot="Places that matter only together can look unimportant, and a covered patch is "
        "itself a strange sight to the network.",
        sign="Positive: the place speaks for the class; negative: against it.",
        cost="A forward pass for each place that is covered (of 169 by default).",
        paper="Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014",
        needs_baseline=True,
    )

    def run(
        self, context: Context, parameters: OcclusionParameters
    ) -> Iterator[Event[Explanation]]:
        """Batch after batch on the handle's engine, a coarse picture first."""
        handle, windows = context.handle, _windows(context, parameters)
        exact = parameters.mode == "exact"
        coarse, everything = windows.coarse(), windows.across**2
        total = everything if exact else _budget(parameters, len(coarse), everything)
        yield Progress(0, total, "places")
        work = _begin(context, parameters, windows)
        size = pictures_per_step(handle.engine, handle.device)

        order, done = windows.coarse_first() if exact else coarse, 0
        checks = 0 if exact else min(SPOT_CHECKS, total - len(coarse))
        while done < total - checks:
            places = order[done : done + size]
            if not len(places):
                count = min(size, total - checks - done)
                places = most_promising(work.drops("logit"), work.known, count)
            work.evaluate(places)
            before, done = done, done + len(places)
            yield Progress(done, total, "places")
            whole = not exact and before < len(coarse) <= done  # the first complete picture
            if done < total and (whole or worth_showing(done, before, total)):
                yield Partial(self._result(work, parameters, None))
        error = None
        if checks:
            error = _spot_error(work, parameters, checks)
            yield Progress(total, total, "places")
        yield Result(self._result(work, parameters, error))

    def quicker(self, parameters: OcclusionParameters) -> OcclusionParameters:
        """The coarse grid alone."""
        return parameters.model_copy(update={"mode": "anytime", "share": 1})

    def _result(
        self, work: _Work, parameters: OcclusionParameters, error: float | None
    ) -> Attribution:
        context, target = work.context, work.context.target
        drops = work.drops(parameters.scale)
        raw = work.windows.average(drops, work.known)
        heat, remark = honest(raw, target, floor=_floor(work, parameters.scale))
        seed = parameters.seed if parameters.fill == "noise" or error is not None else None
        return Attribution(
            method=self.id,
            card=self.card,
            parameters=as_parameters(parameters),
            target=target,
            heat=heat,
            signed=True,
            measure=f"change of the {{target}} {parameters.scale}",
            geometry=context.prepared.geometry,
            facts=_facts(work, error),
            provenance=context.provenance(context.handle.engine.name, seed),
            remark=remark,
            baseline=denormalise(work.cover, context.handle.spec),
            windows=_scores(work),
        )


RESOLUTION = 1e-4
"""Changes of a logit, as a share of it, below which an exact engine's answers are the same."""

PROBABILITY_RESOLUTION = 1e-6
"""The same of a probability: some steps of float32 below 1."""


def _floor(work: _Work, scale: str) -> float:
    """The smallest change of the target's score that is no rounding of the engine's."""
    handle, index = work.context.handle, work.context.index
    floor = max(RESOLUTION, handle.distance) * max(1.0, abs(float(work.whole[index])))
    if scale == "logit":
        return floor
    moved = np.stack([work.whole] * 3)
    moved[1:, index] += (-floor, floor)
    scores = handle.heads.scores(moved.astype(np.float32))[:, index]
    return max(PROBABILITY_RESOLUTION, float(np.abs(scores - scores[0]).max()))


def _begin(context: Context, parameters: OcclusionParameters, windows: Windows) -> _Work:
    handle, photo = context.handle, context.pixels
    cover = fill(photo, handle.spec, parameters.fill, parameters.seed)
    whole = handle.logits(photo)[0].astype(np.float64)
    grid = (windows.across, windows.across)
    logits = np.full((*grid, len(whole)), np.nan)
    return _Work(context, windows, cover, whole, logits, np.zeros(grid, bool))


def _budget(parameters: OcclusionParameters, coarse: int, everything: int) -> int:
    """How many windows anytime evaluates: always the coarse grid and the spot checks.

    And all where they are few.
    """
    if everything <= FEW:
        return everything
    least = coarse + SPOT_CHECKS
    return min(everything, max(least, round(everything * parameters.share / 100)))


def _spot_error(work: _Work, parameters: OcclusionParameters, count: int) -> float:
    """Evaluate windows drawn at random; how far their guessed values were off, in % of the range.

    The root of the mean square of what was guessed minus what was measured.
    """
    unknown = np.argwhere(~work.known)
    draw = np.random.default_rng(parameters.seed)
    places = unknown[np.sort(draw.choice(len(unknown), count, replace=False))]
    guess = filled_in(work.drops(parameters.scale), work.known)[tuple(places.T)]
    work.evaluate(places)
    found = work.drops(parameters.scale)
    spread = float(np.ptp(found[work.known]))
    off = float(np.sqrt(np.mean(np.square(guess - found[tuple(places.T)]))))
    return 100 * off / spread if spread > 0 else 0.0


def _facts(work: _Work, error: float | None) -> tuple[Fact, ...]:
    target, index = work.context.target, work.context.index
    evaluated, everything = int(work.known.sum()), work.known.size
    words = "Places covered" if evaluated == everything else f"Places covered, of {everything}"
    facts = [Fact("windows", float(evaluated), "", words)]
    drops, chances = (work.drops(scale)[work.known] for scale in ("logit", "probability"))
    if not len(drops) or not np.isfinite(drops).all():
        return tuple(facts)
    if error is not None:
        facts.append(Fact("spot_error", error, "%", "Error of the places between, measured"))
    whole = float(work.whole[index])
    return (
        *facts,
        Fact("logit", whole, "", f"Logit of {target}"),
        Fact("strongest_drop", float(drops.max()), "", "Largest drop by one patch"),
        Fact("strongest_drop_probability", 100 * float(chances.max()), "points", "In probability"),
    )


def _scores(work: _Work) -> WindowScores:
    """The target's score with each window covered, for who hovers over the map."""
    index, heads = work.context.index, work.context.handle.heads
    scores = np.full(work.known.shape, np.nan, np.float32)
    logits = np.asarray(work.logits[..., index], np.float32)
    if work.known.any():
        scores[work.known] = heads.scores(work.logits[work.known].astype(np.float32))[:, index]
    whole = heads.scores(work.whole[None].astype(np.float32))[0, index]
    return WindowScores(
        size=work.windows.size,
        window=work.windows.window,
        stride=work.windows.stride,
        logit=float(work.whole[index]),
        probability=float(whole),
        logits=logits,
        probabilities=scores,
    )


def _windows(context: Context, parameters: OcclusionParameters) -> Windows:
    size = context.pixels.shape[-1]
    if parameters.window > size:
        raise ConfigError(
            "range",
            "occlusion",
            key="window",
            expected=f"at most {size}, the side of what the network sees",
            found=parameters.window,
        )
    return Windows(size, parameters.window, parameters.stride)


def _covered(photo: Floats, cover: Floats, windows: Windows, places: Places) -> Floats:
    """One copy of the photo for each place, with that place covered."""
    batch = np.repeat(photo, len(places), axis=0)
    for picture, (row, column) in zip(batch, places, strict=True):
        rows, columns = windows.place(row, column)
        picture[:, rows, columns] = cover[0, :, rows, columns]
    return batch
