"""The analysis of one layer on one photo: activations, ranking, the top filters in detail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from petvision.errors import ConfigError
from petvision.events import Event, Events, Partial, Progress, Result
from petvision.images.types import InputSpec, Prepared
from petvision.models.handle import ModelHandle
from petvision.models.predict import predict
from petvision.models.results import Prediction
from petvision.neurons import describe
from petvision.neurons.effect import effects, evidence, focus
from petvision.neurons.graph import Graph
from petvision.neurons.kernels import Kernels, correlation, kernels_of
from petvision.neurons.layers import Anatomy, activations, anatomy_of
from petvision.neurons.rank import CRITERIA, level_of, rank
from petvision.neurons.regions import THRESHOLD, regions_of
from petvision.neurons.results import Analysis, Choice, Detail, Doubles, Maps

COUNT = 6


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """What is needed to look at any filter of one layer on one photo, without torch.

    ``tap`` is the module whose answer the maps are made of.
    """

    maps: Maps
    graph: Graph
    tap: str
    kernels: Kernels | None
    prepared: Prepared
    spec: InputSpec


def lens_of(handle: ModelHandle, anatomy: Anatomy, layer: str, prepared: Prepared) -> Lens:
    """Look at a layer: one pass through the network up to it.

    Raises:
        ConfigError: ``key`` when there is no such convolution.
    """
    maps = activations(handle, anatomy, layer, prepared)
    name = maps.layer.name
    kernels = kernels_of(handle, anatomy, name)
    tap = anatomy.taps[name].module
    return Lens(maps, anatomy.graph, tap, kernels, prepared, handle.spec)


def detail_of(
    lens: Lens,
    index: int,
    threshold: float = THRESHOLD,
    target: str = "",
    effect: float | None = None,
) -> Detail:
    """All of one filter: figures, regions, kernel, words and warnings. Numbers only, no torch."""
    maps, stats = lens.maps, lens.maps.stats
    kernel = match = None
    if lens.kernels is not None:
        kernel = lens.kernels.picture(index)
        match = correlation(lens.kernels, index, lens.prepared.pixels, maps.grid)
    found = regions_of(maps.maps[index], maps.geometry, lens.graph, lens.tap, threshold, match)
    return Detail(
        index=index,
        level=level_of(float(stats.sparsity[index])),
        mean=float(stats.mean[index]),
        max=float(stats.max[index]),
        std=float(stats.std[index]),
        sparsity=float(stats.sparsity[index]),
        threshold=threshold,
        regions=found,
        kernel=kernel,
        words=describe.explanation(maps, index, found, kernel, target, effect),
        warnings=describe.warnings(maps, index, found, lens.prepared.pixels, lens.spec),
        effect=effect,
    )


def analyse(
    handle: ModelHandle,
    prepared: Prepared,
    *,
    layer: str = "",
    choice: Choice | None = None,
    count: int = COUNT,
    target: str | None = None,
    threshold: float = THRESHOLD,
    prediction: Prediction | None = None,
    anatomy: Anatomy | None = None,
) -> Events[Analysis]:
    """Look at the filters of one convolution on one photo.

    Args:
        handle: the model.
        prepared: the photo.
        layer: a convolution's name; a sane first choice unless given.
        choice: criterion and sliders; ``balanced``, weight 0.5, minimum sparsity 0.15.
        count: how many of the first filters are told in detail.
        target: the class of ``effect`` and ``focus``; the predicted one unless chosen.
        threshold: share of a map's maximum that bounds a region, 0..1.
        prediction: the verdict, where it is known already.
        anatomy: of the handle, where it is known already.

    Returns:
        Events: ``Progress``, a ``Partial`` as soon as the ranking is known, and the ``Result``.

    Raises:
        ConfigError: at once, when the layer, class or criterion does not exist or a number is
            out of its range.
    """
    known = anatomy or anatomy_of(handle)
    facts = known.convolution(layer)
    wanted = choice or Choice()
    check(wanted, count, threshold)
    if target is not None:
        handle.class_index(target)

    def work() -> Iterator[Event[Analysis]]:
        yield Progress(0, 0, "prediction")
        verdict = prediction or predict(handle, [prepared])[0]
        aim = target or verdict.best_class
        yield Progress(0, 0, "activations")
        lens = lens_of(handle, known, facts.name, prepared)
        silencing: Doubles | None = None
        on_evidence: Doubles | None = None
        if wanted.criterion == "effect":
            for event in effects(handle, known, facts.name, prepared, aim):
                if isinstance(event, Result):
                    silencing = event.value
                elif isinstance(event, Progress):
                    yield event
        if wanted.criterion == "focus":
            yield Progress(0, 0, "evidence")
            on_evidence = focus(lens.maps, evidence(handle, known, prepared, aim))
        ranking = rank(lens.maps.stats, wanted, silencing, on_evidence)

        def so_far(details: tuple[Detail, ...]) -> Analysis:
            return Analysis(
                verdict, aim, handle.identity, lens.maps, wanted, ranking, details, silencing,
                on_evidence,
            )  # fmt: skip

        yield Partial(so_far(()))
        details: list[Detail] = []
        for ranked in ranking[:count]:
            yield Progress(len(details), min(count, len(ranking)), "regions")
            lost = None if silencing is None else float(silencing[ranked.index])
            details.append(detail_of(lens, ranked.index, threshold, aim, lost))
        yield Result(so_far(tuple(details)))

    return work()


def check(choice: Choice, count: int, threshold: float) -> None:
    """See that the numbers make sense.

    Raises:
        ConfigError: ``range``.
    """
    faults = (
        ("criterion", choice.criterion, choice.criterion in CRITERIA, f"one of {_list(CRITERIA)}"),
        ("weight", choice.weight, 0 <= choice.weight <= 1, "from 0 to 1"),
        ("minimum sparsity", choice.minimum, 0 <= choice.minimum <= 1, "from 0 to 1"),
        ("count", count, count >= 1, "at least 1"),
        ("threshold", threshold, 0 < threshold <= 1, "over 0 and at most 1"),
    )
    for key, found, fine, expected in faults:
        if not fine:
            raise ConfigError("range", "neurons", key=key, expected=expected, found=found)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)
