"""Grad-CAM: where the last layers found evidence for a class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from petvision.errors import ConfigError
from petvision.events import Event, Progress, Result
from petvision.explain.base import Context, Method, Parameters, as_parameters
from petvision.explain.results import Attribution, Explanation, Fact, MethodCard
from petvision.images.types import Floats
from petvision.models.activations import gradient_at_layer, last_layer


class GradCamParameters(Parameters):
    """The layer."""

    layer: str = Field(
        "",
        title="Layer",
        description="Whose maps are weighed, such as layer3 or layer3.5.conv2; "
        "empty: the last convolutional layer.",
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Raw:
    """The signed map before its ReLU, h×w, whose engine made it and what a unit of it is."""

    heat: Floats
    unit: str
    engine: str
    facts: tuple[Fact, ...] = ()


class GradCam(Method[GradCamParameters]):
    """Selvaraju et al., "Grad-CAM", ICCV 2017.

    Each channel of a layer is weighed with the mean gradient of the class's logit by it; the heat
    is the weighted sum, with what speaks against the class cut off. It is never stretched: a map
    of another photo or class may be compared with it. For networks that end in global average
    pooling and a linear layer the weights of the last layer are that layer's own row divided by
    the number of places, and a unit of heat is a unit of the logit.
    """

    id = "gradcam"
    artifact = "gradcam_panel"
    kind = Attribution
    Parameters = GradCamParameters
    card = MethodCard(
        title="Grad-CAM",
        shows="Bright places are where the network found evidence for the class.",
        cannot="It is coarse, and it does not show what speaks against the class.",
        sign="Never negative: brighter is more evidence for the class.",
        cost="One forward pass; for other layers than the last, half a backward pass more.",
        paper="Selvaraju et al., Grad-CAM, ICCV 2017",
    )

    def run(self, context: Context, parameters: GradCamParameters) -> Iterator[Event[Explanation]]:
        """One step."""
        yield Progress(0, 1, "forward pass")
        raw = _raw(context, parameters.layer)
        heat, remark = _evidence(raw.heat, context.target)
        yield Result(
            Attribution(
                method=self.id,
                card=self.card,
                parameters=as_parameters(parameters),
                target=context.target,
                heat=heat,
                signed=False,
                unit=raw.unit,
                geometry=context.prepared.geometry,
                facts=raw.facts if np.isfinite(raw.heat).all() else (),
                provenance=context.provenance(raw.engine),
                remark=remark,
            )
        )


def _raw(context: Context, layer: str) -> _Raw:
    handle = context.handle
    if not layer and handle.heads.pooled:
        return _closed_form(context)
    name = layer or last_layer(handle.network, context.pixels)
    if name not in dict(handle.network.named_modules()):
        raise _no_maps(layer)
    found = gradient_at_layer(handle.network, name, context.pixels, context.index)
    if found is None:
        raise _no_maps(layer)
    weights = found.gradient.mean((1, 2))
    heat = np.einsum("c,chw->hw", weights, found.activation)
    logit = Fact("logit", found.logit, "", f"Logit of {context.target}")
    unit = f"weighted answer of {name} for {context.target}"
    return _Raw(heat, unit, handle.reference.name, (logit,))


def _closed_form(context: Context) -> _Raw:
    """The same as by gradients: the mean gradient by a channel is its weight over the places."""
    handle = context.handle
    trunk = handle.engine.forward(context.pixels, maps=True)
    assert trunk.maps is not None  # what pooled promises
    assert handle.heads.classifier is not None
    maps = trunk.maps[0]
    row = handle.heads.classifier.weight[context.index]
    heat = np.einsum("c,chw->hw", row / (maps.shape[1] * maps.shape[2]), maps)
    logit = float(handle.heads.logits(trunk.features)[0, context.index])
    facts = (
        Fact("logit", logit, "", f"Logit of {context.target}"),
        Fact("evidence_for", float(heat.clip(min=0).sum()), "", "Evidence for"),
        Fact("evidence_against", float(-heat.clip(max=0).sum()), "", "Against (not shown)"),
    )
    return _Raw(heat, f"part of the {context.target} logit", handle.engine.name, facts)


def _evidence(raw: Floats, target: str) -> tuple[Floats, str]:
    heat = np.maximum(raw, 0, dtype=np.float32)
    if not np.isfinite(raw).all():
        return np.zeros_like(heat), f"the network gave no number for {target} here"
    if not heat.any():
        return heat, f"no positive evidence for {target} here"
    return heat, ""


def _no_maps(layer: str) -> ConfigError:
    return ConfigError(
        "range", "gradcam", key="layer", expected="a layer with maps", found=repr(layer)
    )
