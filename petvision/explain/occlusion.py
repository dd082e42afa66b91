"""Occlusion sensitivity: cover each place in turn and see what the score loses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.ndimage import distance_transform_edt

from petvision.errors import ConfigError
from petvision.events import Event, Partial, Progress, Result
from petvision.explain.base import (
    Context,
    Method,
    Parameters,
    as_parameters,
    pictures_per_step,
    worth_showing,
)
from petvision.explain.fills import fill
from petvision.explain.results import Attribution, Explanation, Fact, MethodCard, honest
from petvision.images.types import Floats

Doubles = NDArray[np.float64]


class OcclusionParameters(Parameters):
    """The window, its steps and what is put there."""

    window: int = Field(
        32, ge=1, le=4096, title="Window", description="Side of the covering square, model pixels."
    )
    stride: int = Field(
        16, ge=1, le=4096, title="Stride", description="From one square to the next, model pixels."
    )
    fill: Literal["mean", "black", "blur", "noise"] = Field(
        "mean", title="Fill", description="What is put over the place."
    )
    seed: int = Field(
        0, ge=0, le=2**32 - 1, title="Seed", description="Of the noise, where that is the fill."
    )

    @model_validator(mode="after")
    def _leaves_no_pixel_out(self) -> OcclusionParameters:
        if self.stride > self.window:
            raise ValueError("stride must be at most the window, or pixels would be left out")
        return self


@dataclass(frozen=True, slots=True)
class Windows:
    """A square grid of windows over ``size``×``size`` pixels.

    The last ones in a row are cut at the border. This is captum's set of windows.
    """

    size: int
    window: int
    stride: int

    @property
    def across(self) -> int:
        """How many in a row."""
        return math.ceil((self.size - self.window) / self.stride) + 1

    def place(self, row: int, column: int) -> tuple[slice, slice]:
        """The pixels that a window covers."""
        y, x = row * self.stride, column * self.stride
        return slice(y, y + self.window), slice(x, x + self.window)

    def coarse_first(self) -> NDArray[np.intp]:
        """All (row, column), every fourth first, then every second, then the rest."""
        places = np.argwhere(np.ones((self.across, self.across), bool))
        level = np.where((places % 4 == 0).all(1), 0, np.where((places % 2 == 0).all(1), 1, 2))
        return np.asarray(places[np.argsort(level, kind="stable")], np.intp)

    def average(self, values: Doubles) -> Floats:
        """Each pixel's mean over the windows that cover it, float32 size×size.

        ``values`` holds one for each window; those not known yet (NaN) are taken to be like the
        nearest known.
        """
        unknown = np.isnan(values)
        if unknown.any() and not unknown.all():
            nearest = distance_transform_edt(unknown, return_distances=False, return_indices=True)
            values = values[tuple(nearest)]
        total, count = np.zeros((self.size, self.size)), np.zeros((self.size, self.size))
        for (row, column), value in np.ndenumerate(values):
            total[self.place(row, column)] += value
            count[self.place(row, column)] += 1
        return np.asarray(total / count, np.float32)


class Occlusion(Method[OcclusionParameters]):
    """Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.

    A square covers one place after another; the heat of a pixel is the mean, over the squares
    that covered it, of the class's logit without the square minus the logit with it.
    """

    id = "occlusion"
    artifact = "occlusion_overlay"
    kind = Attribution
    Parameters = OcclusionParameters
    card = MethodCard(
        title="Occlusion sensitivity",
        shows="Each place was covered in turn: orange where covering it lowers the score of the "
        "class, blue where it raises it.",
        cannot="Places that matter only together can look unimportant, and a covered patch is "
        "itself a strange sight to the network.",
        sign="Positive: the place speaks for the class; negative: against it.",
        cost="A forward pass for each place of the square (169 by default).",
        paper="Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014",
        needs_baseline=True,
    )

    def run(
        self, context: Context, parameters: OcclusionParameters
    ) -> Iterator[Event[Explanation]]:
        """Batch after batch on the handle's engine, a coarse picture first."""
        windows = _windows(context, parameters)
        handle, photo = context.handle, context.pixels
        cover = fill(photo, handle.spec, parameters.fill, parameters.seed)
        order, done = windows.coarse_first(), 0
        total = len(order)
        yield Progress(0, total, "places")
        whole = float(handle.logits(photo)[0, context.index])

        drops = np.full((windows.across, windows.across), np.nan)
        size = pictures_per_step(handle.engine, handle.device)
        while done < total:
            places = order[done : done + size]
            logits = handle.logits(_covered(photo, cover, windows, places))[:, context.index]
            drops[tuple(places.T)] = whole - logits.astype(np.float64)
            before, done = done, done + len(places)
            yield Progress(done, total, "places")
            if worth_showing(done, before, total):
                yield Partial(self._result(context, parameters, windows, drops, whole))
        yield Result(self._result(context, parameters, windows, drops, whole))

    def _result(
        self,
        context: Context,
        parameters: OcclusionParameters,
        windows: Windows,
        drops: Doubles,
        whole: float,
    ) -> Attribution:
        heat, remark = honest(windows.average(drops), context.target)
        seed = parameters.seed if parameters.fill == "noise" else None
        return Attribution(
            method=self.id,
            card=self.card,
            parameters=as_parameters(parameters),
            target=context.target,
            heat=heat,
            signed=True,
            unit=f"change of the {context.target} logit",
            geometry=context.prepared.geometry,
            facts=_facts(drops, whole, context.target),
            provenance=context.provenance(context.handle.engine.name, seed),
            remark=remark,
        )


def _facts(drops: Doubles, whole: float, target: str) -> tuple[Fact, ...]:
    known = drops[np.isfinite(drops)]
    places = Fact("windows", float(known.size), "", "Places covered")
    if not known.size or not math.isfinite(whole):
        return (places,)
    return (
        places,
        Fact("logit", whole, "", f"Logit of {target}"),
        Fact("strongest_drop", float(known.max()), "", "Largest drop by one patch"),
    )


def _windows(context: Context, parameters: OcclusionParameters) -> Windows:
    size = context.pixels.shape[-1]
    if parameters.window > size:
        raise ConfigError(
            "range",
            "occlusion",
            key="window",
            expected=f"at most {size}, the side of what the network sees",
            found=parameters.window,
        )
    return Windows(size, parameters.window, parameters.stride)


def _covered(photo: Floats, cover: Floats, windows: Windows, places: NDArray[np.intp]) -> Floats:
    """One copy of the photo for each place, with that place covered."""
    batch = np.repeat(photo, len(places), axis=0)
    for picture, (row, column) in zip(batch, places, strict=True):
        rows, columns = windows.place(row, column)
        picture[:, rows, columns] = cover[0, :, rows, columns]
    return batch
