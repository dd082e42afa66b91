"""Integrated Gradients: how much each pixel moved the score on the way from a baseline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
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
from petvision.explain.results import Attribution, Explanation, Fact, MethodCard, honest
from petvision.images.types import Floats
from petvision.models.activations import gradient_at_input

Doubles = NDArray[np.float64]

PROFILE = 33
"""Places at which the score is looked at before the steps are placed, both ends included."""

LEAST = 0.2
"""Share of the steps that is spread evenly, so that no part of the path goes unseen."""


class IntegratedGradientsParameters(Parameters):
    """The path and where gradients are taken on it."""

    steps: int = Field(
        32,
        ge=2,
        le=1024,
        title="Steps",
        description="How many gradients are taken on the way; more is closer and slower.",
    )
    placement: Literal["adaptive", "equal"] = Field(
        "adaptive",
        title="Placement",
        description="adaptive: more steps where the score changes; equal: evenly spread.",
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


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Where gradients are taken: ``alphas`` in 0..1 from baseline to photo, and their weights."""

    alphas: Doubles
    weights: Doubles


def equal_steps(steps: int, rule: Literal["midpoint", "gausslegendre"]) -> Steps:
    """Evenly spread steps, the same as captum's ``riemann_middle`` and ``gausslegendre``."""
    if rule == "gausslegendre":
        places, weights = np.polynomial.legendre.leggauss(steps)
        return Steps((1 + places) / 2, weights / 2)
    return Steps((np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps))


def adaptive_steps(steps: int, profile: Doubles) -> Steps:
    """Steps in the middle of parts over each of which the score changes as much as over the next.

    Args:
        steps: how many.
        profile: the score at evenly spaced places of the path, both ends included.
    """
    places = np.linspace(0, 1, len(profile))
    change = np.abs(np.diff(profile))
    total = change.sum()
    if not np.isfinite(total) or total == 0:
        return equal_steps(steps, "midpoint")
    share = (1 - LEAST) * change / total + LEAST / len(change)
    travelled = np.concatenate([[0], np.cumsum(share)])
    edges = np.interp(np.linspace(0, travelled[-1], steps + 1), travelled, places)
    return Steps((edges[1:] + edges[:-1]) / 2, np.diff(edges))


def spread(count: int) -> NDArray[np.intp]:
    """0 … count-1 in an order whose every beginning is spread over the whole (bit reversal)."""
    bits = max(1, (count - 1).bit_length())
    order = [int(f"{i:0{bits}b}"[::-1], 2) for i in range(1 << bits)]
    return np.array([i for i in order if i < count], np.intp)


class IntegratedGradients(Method[IntegratedGradientsParameters]):
    """Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML 2017.

    The gradient of the class's logit, averaged along the straight line from a baseline picture to
    the photo, times the difference of the two, summed over the colour channels. The sum of an
    exact map is the difference of the two logits; how far this one is from it (the completeness
    gap) is always told.
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
        cost="A forward and a backward pass for each step, and a few forward passes to place them.",
        paper="Sundararajan et al., Axiomatic Attribution for Deep Networks, ICML 2017",
        needs_baseline=True,
    )

    def run(
        self, context: Context, parameters: IntegratedGradientsParameters
    ) -> Iterator[Event[Explanation]]:
        """A profile of the path where steps are adaptive, then the steps, two at a time."""
        handle, photo = context.handle, context.pixels
        baseline = fill(photo, handle.spec, parameters.baseline, parameters.seed)
        total = parameters.steps
        yield Progress(0, total, "gradients")
        ends = handle.logits(np.concatenate([baseline, photo]), handle.reference)
        logits = ends[:, context.index].astype(np.float64)

        steps = equal_steps(total, parameters.rule)
        if parameters.placement == "adaptive":
            profile = np.empty(PROFILE)
            for places in _parts(PROFILE, pictures_per_step(handle.engine, handle.device)):
                pictures = _on_path(baseline, photo, np.linspace(0, 1, PROFILE)[places])
                profile[places] = handle.logits(pictures)[:, context.index]
                yield Progress(0, total, "looking where the score changes")
            steps = adaptive_steps(total, profile)

        summed, weight = np.zeros(photo.shape, np.float64), 0.0
        order, done = spread(total), 0
        for part in _parts(total, 2 if handle.device.type == "cpu" else 32):
            chosen = order[part]
            pictures = _on_path(baseline, photo, steps.alphas[chosen])
            gradients, _ = gradient_at_input(handle.network, pictures, context.index)
            summed += np.einsum("n,nchw->chw", steps.weights[chosen], gradients)
            weight += float(steps.weights[chosen].sum())
            before, done = done, done + len(chosen)
            yield Progress(done, total, "gradients")
            if worth_showing(done, before, total):
                mean = summed / weight
                yield Partial(self._result(context, parameters, mean, baseline, logits))
        yield Result(self._result(context, parameters, summed, baseline, logits))

    def _result(
        self,
        context: Context,
        parameters: IntegratedGradientsParameters,
        gradient: Doubles,
        baseline: Floats,
        logits: Doubles,
    ) -> Attribution:
        change = ((context.pixels - baseline) * gradient)[0].sum(0)
        heat, remark = honest(change.astype(np.float32), context.target)
        seed = parameters.seed if parameters.baseline == "noise" else None
        return Attribution(
            method=self.id,
            card=self.card,
            parameters=as_parameters(parameters),
            target=context.target,
            heat=heat,
            signed=True,
            unit=f"change of the {context.target} logit",
            geometry=context.prepared.geometry,
            facts=_facts(float(change.sum()), logits, context.target),
            provenance=context.provenance(_engine(context, parameters), seed),
            remark=remark,
        )


def _engine(context: Context, parameters: IntegratedGradientsParameters) -> str:
    """Gradients come from the reference; a fast engine may have said where to take them."""
    reference, engine = context.handle.reference.name, context.handle.engine.name
    if parameters.placement == "equal" or engine == reference:
        return reference
    return f"{reference}, steps placed by {engine}"


def _facts(summed: float, logits: Doubles, target: str) -> tuple[Fact, ...]:
    before, after = (float(v) for v in logits)
    wanted = after - before
    if not np.isfinite([summed, wanted]).all():
        return ()
    gap = abs(summed - wanted)
    told = Fact("completeness_gap", gap, "logit", "Completeness gap")
    if abs(wanted) > 1e-6:
        told = Fact("completeness_gap", 100 * gap / abs(wanted), "%", "Completeness gap")
    return (
        told,
        Fact("logit", after, "", f"Logit of {target}"),
        Fact("baseline_logit", before, "", "Of the baseline"),
    )


def _on_path(baseline: Floats, photo: Floats, alphas: Doubles) -> Floats:
    """The pictures at ``alphas`` between the two: float32 N×3×S×S."""
    share = alphas.astype(np.float32).reshape(-1, 1, 1, 1)
    return np.asarray(baseline + share * (photo - baseline), np.float32)


def _parts(count: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
