"""Feature maps: what a few channels at each depth answered to the photo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from petvision.events import Event, Progress, Result
from petvision.explain.base import Context, Method, Parameters, as_parameters
from petvision.explain.results import ChannelMaps, Explanation, Fact, LayerMaps, MethodCard
from petvision.images.types import Floats
from petvision.models.activations import depths, last_convolution, record


class FeatureMapsParameters(Parameters):
    """Which channels."""

    channels: int = Field(
        8, ge=1, le=64, title="Channels", description="How many of each layer are shown."
    )
    choose: Literal["strongest", "first"] = Field(
        "strongest",
        title="Choose",
        description="strongest: those that answered most to this photo; first: by their number.",
    )


class FeatureMaps(Method[FeatureMapsParameters]):
    """The maps of a network's stem and stages, from one forward pass."""

    id = "feature_maps"
    artifact = "feature_maps_panel"
    kind = ChannelMaps
    Parameters = FeatureMapsParameters
    card = MethodCard(
        title="Feature maps",
        shows="What single channels answered to this photo at each depth: edges and colours "
        "first, whole parts later.",
        cannot="A bright spot says where a channel fired, not what it stands for, nor whether "
        "the verdict needed it.",
        sign="Never negative: brighter is a stronger answer; each layer has its own scale.",
        cost="One forward pass.",
        paper="",
    )

    def run(
        self, context: Context, parameters: FeatureMapsParameters
    ) -> Iterator[Event[Explanation]]:
        """One step."""
        yield Progress(0, 1, "forward pass")
        layers = _layers(context, parameters)
        finite = all(np.isfinite(layer.maps).all() for layer in layers)
        yield Result(
            ChannelMaps(
                method=self.id,
                card=self.card,
                parameters=as_parameters(parameters),
                layers=layers if finite else tuple(_silenced(layer) for layer in layers),
                geometry=context.prepared.geometry,
                facts=(
                    Fact("layers", len(layers), "", "Layers"),
                    Fact("channels", sum(layer.total for layer in layers), "", "Channels in all"),
                ),
                provenance=context.provenance(context.handle.reference.name),
                remark="" if finite else "the network gave no numbers here",
            )
        )


def _layers(context: Context, parameters: FeatureMapsParameters) -> tuple[LayerMaps, ...]:
    network = context.handle.network
    wanted = depths(network, context.pixels)
    answers = record(network, [name for _, name in wanted], context.pixels)
    return tuple(
        _chosen(label, answers[name][0], last_convolution(network, name), parameters)
        for label, name in wanted
    )


def _chosen(label: str, maps: Floats, filters: str, parameters: FeatureMapsParameters) -> LayerMaps:
    maps = np.maximum(maps, 0)
    count = min(parameters.channels, len(maps))
    order = np.arange(len(maps))
    if parameters.choose == "strongest":
        order = np.argsort(-maps.mean((1, 2)), kind="stable")
    channels = order[:count]
    return LayerMaps(label, maps[channels], tuple(int(c) for c in channels), len(maps), filters)


def _silenced(layer: LayerMaps) -> LayerMaps:
    return replace(layer, maps=np.zeros_like(layer.maps))
