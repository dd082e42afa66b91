"""Filters over folders: a filter's biography as a card, and what separates two folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from petvision.errors import ConfigError, InputError
from petvision.events import Event, Events, Progress, Result
from petvision.figures.neurons import MAP_TILE, Say, Tile, crop
from petvision.figures.neurons_sheet import Sheet
from petvision.images.door import decode_for_display, load
from petvision.images.types import Source
from petvision.models.handle import ModelHandle
from petvision.neurons.biography import extremes, loss, some_of
from petvision.neurons.layers import Anatomy
from petvision.neurons.results import (
    Biography,
    Extremes,
    Loss,
    Patch,
    Places,
    Sentence,
    Separation,
)
from petvision.neurons.separate import separate

PATCH_PIXELS = 1_500_000


def biography(
    handle: ModelHandle, anatomy: Anatomy, layer: str, index: int, sources: Sequence[Source]
) -> Events[Biography]:
    """One filter over a folder: the patches that fire it most and least, and what it is worth.

    Raises:
        ConfigError: when there is no such convolution or filter.
        InputError: ``not_found`` when none of the photos can be read.
    """
    facts = anatomy.convolution(layer)
    if not 0 <= index < facts.filters:
        expected = f"from 0 to {facts.filters - 1}"
        raise ConfigError("range", facts.name, key="filter", expected=expected, found=index)
    chosen = some_of(sources)

    def work() -> Iterator[Event[Biography]]:
        found: Extremes | None = None
        for event in extremes(handle, anatomy, facts.name, chosen):
            if isinstance(event, Progress):
                yield event
            else:
                found = event.value
        if found is None or not found.read:
            raise InputError("not_found", "A photo", remedy="Choose a folder that holds some.")
        lost = Loss(0, 0.0, 0.0, 0)
        for told in loss(handle, anatomy, facts.name, [index], chosen):
            if isinstance(told, Progress):
                yield told
            else:
                lost = told.value
        sides: list[list[Patch]] = []
        for places in (found.most, found.least):
            sides.append([])
            for number in range(places.photo.shape[1]):
                yield Progress(number, places.photo.shape[1], "patches")
                sides[-1] += _patch(places, index, number, chosen)
        peaks = found.peak[:, index]
        fires = float((peaks[np.isfinite(peaks)] > 0).mean())
        words = _words(fires, lost)
        most, least = (tuple(side) for side in sides)
        yield Result(
            Biography(
                handle.identity, facts, index, found.read, len(chosen) - found.read, most, least,
                fires, lost, words,
            )
        )  # fmt: skip

    return work()


def separation(
    handle: ModelHandle,
    anatomy: Anatomy,
    layer: str,
    first: Sequence[Source],
    second: Sequence[Source],
) -> Events[tuple[Separation, ...]]:
    """Which filters of a layer tell two folders apart, the best first.

    Raises:
        ConfigError: when there is no such convolution.
    """
    name = anatomy.convolution(layer).name

    def work() -> Iterator[Event[tuple[Separation, ...]]]:
        found: list[Extremes] = []
        for sources in (first, second):
            for event in extremes(handle, anatomy, name, sources):
                if isinstance(event, Progress):
                    yield event
                else:
                    found.append(event.value)
        yield Result(separate(found[0].mean, found[1].mean))

    return work()


def card(told: Biography, say: Say = str) -> Sheet:
    """The biography as a card: nine patches that fire it most, then nine that fire it least."""
    tiles = [
        Tile(patch.pixels, f"{patch.value:.2f}", told.index) for patch in (*told.most, *told.least)
    ]
    title = say("{model}, {layer}, filter {filter}").format(
        model=told.model.name, layer=told.layer.name, filter=told.index
    )
    note = say("Each patch is as large as the cell can see at all; below it the activation.")
    words = tuple(sentence.said(say) for sentence in told.words)
    return Sheet(title, words, tuple(tiles), max(1, len(told.most)), (note,))


def _patch(places: Places, index: int, number: int, sources: Sequence[Source]) -> list[Patch]:
    """A piece of a photo; none where the photo has gone meanwhile."""
    source = sources[int(places.photo[index, number])]
    try:
        photo = decode_for_display(load(source), max_pixels=PATCH_PIXELS)
    except InputError:
        return []
    left, top, right, bottom = (float(v) for v in places.field[index, number])
    pixels = crop(photo, (left, top, right, bottom), MAP_TILE)
    return [Patch(pixels, source.label, float(places.value[index, number]))]


def _words(fires: float, lost: Loss) -> tuple[Sentence, ...]:
    falls = (
        "Without it the logit of the predicted class falls by {drop} on average (deviation "
        "{spread}, {photos} photos); {changed} of them get another class."
    )
    rises = (
        "Without it the logit of the predicted class rises by {drop} on average (deviation "
        "{spread}, {photos} photos); {changed} of them get another class."
    )
    told = [
        Sentence("fires", "It fires on {share} % of the photos.", {"share": round(100 * fires)}),
        Sentence(
            "worth",
            falls if lost.drop >= 0 else rises,
            {
                "drop": f"{abs(lost.drop):.2f}",
                "spread": f"{lost.spread:.2f}",
                "photos": lost.photos,
                "changed": lost.changed,
            },
        ),
        Sentence(
            "order", "First the patches that fire it most, then those that fire it least.", {}
        ),
    ]
    return tuple(told)
