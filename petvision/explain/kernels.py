"""Kernels: the filters of a convolution, as they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field
from torch import nn

from petvision.errors import ConfigError
from petvision.events import Event, Progress, Result
from petvision.explain.base import Context, Method, Parameters, as_parameters
from petvision.explain.results import Explanation, Fact, KernelSet, MethodCard
from petvision.models.activations import first_convolution
from petvision.models.handle import ModelHandle


class KernelsParameters(Parameters):
    """Which filters of which layer."""

    layer: str = Field(
        "",
        title="Layer",
        description="A convolution, such as layer1.0.conv2; empty: the first. "
        "Only a first layer's filters are pictures; of others the norms are shown.",
    )
    count: int = Field(64, ge=1, le=4096, title="Filters", description="At most how many.")
    order: Literal["norm", "number"] = Field(
        "norm", title="Order", description="norm: the strongest first; number: as they are stored."
    )


class Kernels(Method[KernelsParameters]):
    """The filters of a layer and their L2 norms. They belong to the model, not to the photo."""

    id = "kernels"
    artifact = "kernels_panel"
    kind = KernelSet
    Parameters = KernelsParameters
    card = MethodCard(
        title="Kernels",
        shows="The filters of the first layer: the small edges and colour patterns that the "
        "network looks for everywhere.",
        cannot="They are the model's and the same for every photo; the filters of deeper layers "
        "are not pictures.",
        sign="Grey is zero; each filter is scaled by its own largest weight.",
        cost="None: they are read from the model file.",
        paper="",
    )

    def run(self, context: Context, parameters: KernelsParameters) -> Iterator[Event[Explanation]]:
        """One step."""
        yield Progress(0, 1, "reading filters")
        layer = _convolution(context.handle, parameters.layer)
        weights = np.array(context.handle.stored(f"{layer}.weight"), np.float32)
        finite = bool(np.isfinite(weights).all())
        weights = weights if finite else np.zeros_like(weights)
        norms = np.sqrt((weights**2).sum((1, 2, 3)))
        order = np.arange(len(weights))
        if parameters.order == "norm":
            order = np.argsort(-norms, kind="stable")
        shown = order[: parameters.count]
        yield Result(
            KernelSet(
                method=self.id,
                card=self.card,
                parameters=as_parameters(parameters),
                layer=layer,
                weights=weights[shown],
                norms=norms[shown],
                channels=tuple(int(c) for c in shown),
                total=len(weights),
                facts=(
                    Fact("filters", len(weights), "", f"Filters of {layer}"),
                    Fact("strongest_norm", float(norms.max()), "", "Largest norm"),
                    Fact("weakest_norm", float(norms.min()), "", "Smallest norm"),
                ),
                provenance=context.provenance("none"),
                remark="" if finite else "the stored filters hold values that are no numbers",
            )
        )


def _convolution(handle: ModelHandle, layer: str) -> str:
    name = layer or first_convolution(handle.network)
    if not isinstance(dict(handle.network.named_modules()).get(name), nn.Conv2d):
        raise ConfigError(
            "range", "kernels", key="layer", expected="a convolution's name", found=repr(layer)
        )
    return name
