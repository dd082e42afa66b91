"""What the CAM methods share: a layer's maps, weighed by how the class's logit depends on them.

Each method gives one rule. At the last layer of a network that ends in an average and a linear
layer the gradient of a logit is the linear layer's row divided by the number of places, the same
everywhere: so one forward pass gives the maps of every class (``class_maps``). At other layers,
and for other networks, the part of the network behind the layer is differentiated.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from petvision.errors import ConfigError
from petvision.events import Event, Progress, Result
from petvision.explain.base import Context, Method, Parameters, as_parameters
from petvision.explain.results import Attribution, ClassMaps, Explanation, Fact, honest, rounding
from petvision.images.types import Floats
from petvision.models.activations import gradient_at_layer, last_layer


class CamParameters(Parameters):
    """The layer."""

    layer: str = Field(
        "",
        title="Layer",
        description="Whose maps are weighed, such as layer3 or layer3.5.conv2; "
        "empty: the last convolutional layer.",
    )


class Cam(Method[CamParameters]):
    """A map of one layer: its channels weighed and summed, what speaks against the class cut off.

    It is never stretched: a map of another photo or class may be compared with it. ``additive``
    says that the last layer's raw map adds up to the logit (without its bias).
    """

    artifact: ClassVar[str]
    kind = Attribution
    Parameters = CamParameters
    additive: ClassVar[bool] = False

    @abstractmethod
    def weigh(self, activation: Floats, gradient: Floats) -> Floats:
        """What each channel counts.

        Args:
            activation: the layer's maps, c×h×w.
            gradient: of n logits by them, n×c×h×w; n×c×1×1 where it is the same everywhere.

        Returns:
            n×c×h×w, or n×c×1×1 where a channel counts the same everywhere.
        """

    def run(self, context: Context, parameters: CamParameters) -> Iterator[Event[Explanation]]:
        """One step."""
        yield Progress(0, 1, "forward pass")
        if not parameters.layer and context.handle.heads.pooled:
            yield Result(self.class_maps(context).attribution(context.target))
        else:
            yield Result(self._by_gradient(context, parameters))

    def class_maps(self, context: Context) -> ClassMaps:
        """The last layer's maps of all classes, for networks whose heads are ``pooled``."""
        handle = context.handle
        assert handle.heads.pooled
        assert handle.heads.classifier is not None
        trunk = context.last_maps()
        assert trunk.maps is not None  # what pooled promises
        maps = trunk.maps[0]
        rows = handle.heads.classifier.weight / np.float32(maps.shape[1] * maps.shape[2])
        part = "part of the {target} logit"
        return ClassMaps(
            method=self.id,
            card=self.card,
            parameters=as_parameters(CamParameters()),
            classes=tuple(handle.card.classes),
            activations=maps,
            weights=self.weigh(maps, rows[:, :, None, None])[:, :, 0, 0],
            logits=handle.heads.logits(trunk.features)[0],
            measure=part if self.additive else "weighted answer of the last layer for {target}",
            geometry=context.prepared.geometry,
            provenance=context.provenance(context.maps_engine),
        )

    def _by_gradient(self, context: Context, parameters: CamParameters) -> Attribution:
        handle = context.handle
        name = parameters.layer or last_layer(handle.network, context.pixels)
        if name not in dict(handle.network.named_modules()):
            raise self._no_maps(parameters.layer)
        found = gradient_at_layer(handle.network, name, context.pixels, context.index)
        if found is None:
            raise self._no_maps(parameters.layer)
        weights = self.weigh(found.activation, found.gradient[None])[0]
        if weights.shape[1:] == (1, 1):
            raw = np.tensordot(weights[:, 0, 0], found.activation, 1)
        else:
            raw = np.einsum("chw,chw->hw", weights, found.activation)
        heat, remark = honest(
            raw, context.target, signed=False, floor=rounding(weights, found.activation)
        )
        logit = Fact("logit", found.logit, "", f"Logit of {context.target}")
        return Attribution(
            method=self.id,
            card=self.card,
            parameters=as_parameters(parameters),
            target=context.target,
            heat=heat,
            signed=False,
            measure=f"weighted answer of {name} for {{target}}",
            geometry=context.prepared.geometry,
            facts=(logit,) if np.isfinite(raw).all() else (),
            provenance=context.provenance(handle.reference.name),
            remark=remark,
        )

    def _no_maps(self, layer: str) -> ConfigError:
        return ConfigError(
            "range", self.id, key="layer", expected="a layer with maps", found=repr(layer)
        )
