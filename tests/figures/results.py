"""Results made by hand, for the figures."""

import numpy as np

from petvision.explain.results import (
    Attribution,
    ChannelMaps,
    Explanation,
    Fact,
    KernelSet,
    LayerMaps,
    MethodCard,
    Provenance,
)
from petvision.images.types import Floats, Geometry, ImageFacts, Picture
from petvision.models.results import ModelIdentity

CARD = MethodCard(
    title="A method",
    shows="What it shows is told in a sentence that is long enough to need a second line, surely.",
    cannot="What it cannot say is told in another.",
    sign="",
    cost="",
    paper="",
)
PROVENANCE = Provenance(ModelIdentity("tiny", "cd" * 32), "ab" * 32, "torch-fp32", {})
FACTS = (
    Fact("completeness_gap", 2.14, "%", "Completeness gap"),
    Fact("windows", 169, "", "Places covered"),
)
WIDE = Geometry(width=640, height=320, box=(160, 0, 480, 320), size=64)


def photo(geometry: Geometry, colour: tuple[int, int, int] = (120, 120, 120)) -> Picture:
    pixels = np.full((geometry.height, geometry.width, 3), colour, np.uint8)
    facts = ImageFacts(geometry.width, geometry.height, "PNG", "ab" * 32)
    return Picture(pixels, facts)


def attribution(
    heat: Floats, *, signed: bool = False, geometry: Geometry = WIDE, remark: str = ""
) -> Attribution:
    return Attribution(
        "occlusion", CARD, {"window": 32, "fill": "mean"}, "cat", heat.astype(np.float32), signed,
        "change of the cat logit", geometry, FACTS, PROVENANCE, remark,
    )  # fmt: skip


def channel_maps(layers: int = 5, channels: int = 8) -> ChannelMaps:
    random = np.random.default_rng(0)
    made = tuple(
        LayerMaps(
            f"layer{i}",
            random.random((channels, 64 >> i, 64 >> i)).astype(np.float32),
            tuple(range(channels)),
            64,
        )
        for i in range(layers)
    )
    return ChannelMaps("feature_maps", CARD, {"channels": 8}, made, WIDE, FACTS, PROVENANCE)


def kernel_set(count: int = 64, channels: int = 3, side: int = 7) -> KernelSet:
    shape = (count, channels, side, side)
    weights = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    norms = np.sqrt((weights**2).sum((1, 2, 3)))
    return KernelSet(
        "kernels", CARD, {"layer": ""}, "conv1", weights, norms, tuple(range(count)), count,
        FACTS, PROVENANCE,
    )  # fmt: skip


def each_kind() -> dict[str, Explanation]:
    heat = np.random.default_rng(0).normal(size=(64, 64))
    return {
        "non-negative": attribution(np.abs(heat[:7, :7])),
        "signed": attribution(heat, signed=True),
        "empty": attribution(np.zeros((7, 7)), remark="no positive evidence for cat here"),
        "channels": channel_maps(),
        "kernels": kernel_set(),
        "norms": kernel_set(128, 64, 3),
    }
