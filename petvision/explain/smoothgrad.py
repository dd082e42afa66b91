"""SmoothGrad: the gradient of the score by the pixels, averaged over noisy copies of the photo."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from petvision.events import Event, Partial, Progress, Result
from petvision.explain.base import Context, Method, Parameters, as_parameters, worth_showing
from petvision.explain.memory import Gradients
from petvision.explain.results import Attribution, Explanation, Fact, MethodCard, honest
from petvision.images.types import Floats


class SmoothGradParameters(Parameters):
    """How many noisy copies, and how noisy."""

    samples: int = Field(
        25, ge=1, le=1000, title="Samples", description="How many noisy copies are averaged."
    )
    noise: float = Field(
        0.15,
        ge=0,
        le=1,
        title="Noise",
        description="Standard deviation of the noise, as a share of the photo's range.",
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, title="Seed", description="Of the noise.")


class SmoothGrad(Method[SmoothGradParameters]):
    """Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017 (arXiv 1706.03825).

    The heat of a pixel is the sum, over its three colours, of the size of the mean gradient. The
    noise is torch's, sample after sample, from a generator of its own with the seed.
    """

    id = "smoothgrad"
    artifact = "smoothgrad_overlay"
    kind = Attribution
    Parameters = SmoothGradParameters
    card = MethodCard(
        title="SmoothGrad",
        shows="Pixels to which the score of the class is most sensitive, averaged over noisy "
        "copies of the photo.",
        cannot="A sensitive pixel may speak for or against the class, and need not be where its "
        "evidence lies.",
        sign="Never negative: brighter is more sensitive, whatever the direction.",
        cost="A forward and a backward pass for each noisy copy (25 by default).",
        paper="Smilkov et al., SmoothGrad, arXiv 1706.03825",
    )

    def run(
        self, context: Context, parameters: SmoothGradParameters
    ) -> Iterator[Event[Explanation]]:
        """The noisy copies, a few at a time where there is memory for it."""
        handle, photo = context.handle, context.pixels
        deviation = parameters.noise * float(np.ptp(photo))
        drawn = torch.Generator().manual_seed(parameters.seed)
        summed = np.zeros(photo.shape[1:], np.float64)
        total, done = parameters.samples, 0
        gradients = Gradients(handle)
        yield Progress(0, total, "gradients")
        while done < total:
            count = min(gradients.size, total - done)
            noisy = np.concatenate([photo + deviation * _noise(photo, drawn) for _ in range(count)])
            found, _ = gradients(noisy, context.index)
            summed += found.sum(0, dtype=np.float64)
            before, done = done, done + count
            yield Progress(done, total, "gradients")
            if worth_showing(done, before, total):
                yield Partial(self._result(context, parameters, summed / done, done))
        yield Result(self._result(context, parameters, summed / total, total))

    def quicker(self, parameters: SmoothGradParameters) -> SmoothGradParameters:
        """With at most eight copies."""
        return parameters.model_copy(update={"samples": min(8, parameters.samples)})

    def _result(
        self,
        context: Context,
        parameters: SmoothGradParameters,
        gradient: NDArray[np.float64],
        samples: int,
    ) -> Attribution:
        heat, remark = honest(np.abs(gradient).sum(0), context.target, signed=False)
        return Attribution(
            method=self.id,
            card=self.card,
            parameters=as_parameters(parameters),
            target=context.target,
            heat=heat,
            signed=False,
            measure="change of the {target} logit by a standard deviation of each colour",
            geometry=context.prepared.geometry,
            facts=(Fact("samples", samples, "", "Noisy copies"),),
            provenance=context.provenance(context.handle.gradients.name, parameters.seed),
            remark=remark,
        )


def _noise(photo: Floats, drawn: torch.Generator) -> Floats:
    """Standard normal noise of a photo's shape."""
    return np.asarray(torch.randn(photo.shape, generator=drawn).numpy())
