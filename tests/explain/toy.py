"""A method as someone might add it: this file, and one entry in the registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from petvision.events import Event, Progress, Result
from petvision.explain.base import Context, Method, Parameters, as_parameters
from petvision.explain.results import Attribution, Explanation, Fact, MethodCard, honest


class BrightnessParameters(Parameters):
    """Which colour."""

    channel: Literal["red", "green", "blue"] = Field(
        "red", title="Channel", description="Whose brightness is shown."
    )


class Brightness(Method[BrightnessParameters]):
    """How bright each pixel is, weighed with the sign of the class's logit."""

    id = "brightness"
    artifact = "brightness_panel"
    kind = Attribution
    Parameters = BrightnessParameters
    card = MethodCard(
        title="Brightness",
        shows="How bright the photo is.",
        cannot="It says nothing about the network.",
        sign="Positive: brighter than the mean.",
        cost="One forward pass.",
        paper="",
    )

    def run(
        self, context: Context, parameters: BrightnessParameters
    ) -> Iterator[Event[Explanation]]:
        """One step."""
        yield Progress(0, 1, "forward pass")
        logit = float(context.handle.logits(context.pixels)[0, context.index])
        channel = ("red", "green", "blue").index(parameters.channel)
        heat, remark = honest(context.pixels[0, channel] * np.sign(logit), context.target)
        facts = (Fact("logit", logit, "", "Logit"), Fact("pixels", heat.size, "", "Pixels"))
        yield Result(
            Attribution(
                method=self.id,
                card=self.card,
                parameters=as_parameters(parameters),
                target=context.target,
                heat=heat,
                signed=True,
                measure="brightness",
                geometry=context.prepared.geometry,
                facts=facts if np.isfinite(logit) else (),
                provenance=context.provenance(context.handle.engine.name),
                remark=remark,
            )
        )
