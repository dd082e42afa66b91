"""One class minus another, as a CAM shows it at any layer of any network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from petvision.errors import ConfigError
from petvision.events import Event, Progress, Result
from petvision.explain.base import Context, as_parameters
from petvision.explain.cams import Cam, CamParameters
from petvision.explain.results import Attribution, Explanation, Fact, honest, rounding
from petvision.models.activations import LayerGradient, gradient_at_layer, last_layer


def difference(
    context: Context, method: Cam, parameters: CamParameters, minus: str
) -> Iterator[Event[Explanation]]:
    """The raw map of the context's class minus that of another: + for the one, − for the other.

    Where one forward pass gives the maps of all classes it gives this one, too; elsewhere each of
    the two classes is differentiated through the part of the network behind the layer.

    Raises:
        ConfigError: ``range`` where the layer has no maps, ``key`` where there is no such class.
    """
    handle, target = context.handle, context.target
    indices = [handle.class_index(label) for label in (target, minus)]
    yield Progress(0, 2, "classes")
    if not parameters.layer and handle.heads.pooled:
        yield Result(method.class_maps(context).difference(target, minus))
        return
    name = parameters.layer or last_layer(handle.network, context.pixels)
    sides: list[LayerGradient] = []
    for done, index in enumerate(indices, 1):
        known = name in dict(handle.network.named_modules())
        found = gradient_at_layer(handle.network, name, context.pixels, index) if known else None
        if found is None:
            layer = repr(parameters.layer)
            raise ConfigError(
                "range", method.id, key="layer", expected="a layer with maps", found=layer
            )
        sides.append(found)
        yield Progress(done, 2, "classes")
    yield Result(_map(context, method, parameters, minus, name, sides))


def _map(
    context: Context,
    method: Cam,
    parameters: CamParameters,
    minus: str,
    name: str,
    sides: list[LayerGradient],
) -> Attribution:
    one, other = sides
    label = f"{context.target} − {minus}"
    weights = method.weigh(one.activation, np.stack([one.gradient, other.gradient]))
    apart = weights[0] - weights[1]
    raw = np.asarray((apart * one.activation).sum(0), np.float32)
    heat, remark = honest(raw, label, floor=rounding(apart, one.activation))
    words = f"Logit of {context.target} minus {minus}"
    fact = Fact("logit_difference", one.logit - other.logit, "", words)
    return Attribution(
        method=method.id,
        card=method.card,
        parameters=as_parameters(parameters),
        target=label,
        heat=heat,
        signed=True,
        measure=f"weighted answer of {name} for {{target}}",
        geometry=context.prepared.geometry,
        facts=(fact,) if np.isfinite(raw).all() else (),
        provenance=context.provenance(context.handle.reference.name),
        remark=remark,
    )
