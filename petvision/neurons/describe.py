"""A filter's behaviour in sentences, made from its figures alone and no bolder than they are.

Every sentence is a template with a code, so that the window can show it in another language.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from petvision.images.types import Floats, Geometry, InputSpec
from petvision.neurons.kernels import looks
from petvision.neurons.rank import level_of
from petvision.neurons.results import Maps, Region, Sentence

FLAT = 0.04
"""A place whose brightness varies by less than this share of the full range is nearly uniform."""

WIDE = 0.9
"""A receptive field over this share of what the network sees says little about where."""

MATCHES = 0.5

TEMPLATES = {
    "dead": "It does not fire anywhere on this photo.",
    "very": "It is silent on {quiet} % of the photo: very selective, as filters for eyes or "
    "particular stripes are.",
    "moderate": "It is silent on {quiet} % of the photo: moderately selective, as filters for "
    "textures and edges are.",
    "weak": "It is silent on only {quiet} % of the photo: weakly selective, as filters for common "
    "colours are.",
    "none": "It fires nearly everywhere (silent on {quiet} %): not selective.",
    "one_place": "It fires most in one {size} place, {where}.",
    "places": "It fires most in {count} places; the most interesting one is {size}, {where}.",
    "strength": "Its strongest answer is number {place} of the {filters} filters of this layer.",
    "edge": "Its kernel looks like a {direction} {colour} edge.",
    "plain_edge": "Its kernel looks like a {direction} edge, of no particular colour.",
    "colour": "Its kernel answers mostly to {colour}.",
    "lack": "Its kernel answers mostly to a lack of {colour}.",
    "matches": "The photo resembles the kernel there (correlation {match}).",
    "differs": "The photo hardly resembles the kernel there (correlation {match}).",
    "for": "Without it the logit of {target} would be {effect} lower.",
    "against": "Without it the logit of {target} would be {effect} higher.",
    "not_selective": "Not selective: what fires everywhere mostly follows background or light.",
    "background": "A region covers {share} % of what the network sees: possibly background.",
    "uniform": "The place it fires on most is nearly uniform: plain background or even light "
    "would do as well.",
    "edge_of_photo": "Its peak lies at the edge, where the network also sees its own padding.",
    "wide_field": "Each cell can see {share} % of the network’s view: a region tells which cell "
    "answers, not which pixels made it.",
    "before_sum": "No ReLU of its own follows this layer: shown is its value (before the residual "
    "sum, where there is one), clipped at zero.",
}


def say(code: str, **values: str | int) -> Sentence:
    """The sentence of that code."""
    return Sentence(code, TEMPLATES[code], values)


def explanation(
    maps: Maps,
    index: int,
    regions: Sequence[Region],
    kernel: Floats | None,
    target: str = "",
    effect: float | None = None,
) -> tuple[Sentence, ...]:
    """What a filter does on the photo: how selective, where, how strongly, what its kernel is."""
    stats = maps.stats
    if stats.dead[index]:
        return (say("dead"),)
    sparsity = float(stats.sparsity[index])
    told = [say(level_of(sparsity), quiet=round(100 * sparsity))]
    if regions:
        first = regions[0]
        facts: dict[str, str | int] = {
            "size": first.size, "where": where(first, maps.geometry), "count": len(regions),
        }  # fmt: skip
        told.append(say("one_place" if len(regions) == 1 else "places", **facts))
    place = 1 + int((stats.max > stats.max[index]).sum())
    told.append(say("strength", place=place, filters=len(stats.max)))
    if kernel is not None:
        told += _kernel(kernel, regions)
    if effect is not None and target:
        size = f"{abs(effect):.2f}" if abs(effect) >= 0.005 else "0.00"
        told.append(say("for" if effect >= 0 else "against", target=target, effect=size))
    return tuple(told)


def _kernel(kernel: Floats, regions: Sequence[Region]) -> list[Sentence]:
    direction, colour = looks(kernel)
    told = []
    if direction:
        code = "edge" if colour else "plain_edge"
        told.append(say(code, direction=direction, colour=colour))
    elif colour:
        weights = kernel[..., ("red", "green", "blue").index(colour)]
        told.append(say("colour" if weights.sum() >= 0 else "lack", colour=colour))
    if regions and regions[0].match is not None:
        match = regions[0].match
        told.append(say("matches" if match >= MATCHES else "differs", match=f"{match:.2f}"))
    return told


def warnings(
    maps: Maps, index: int, regions: Sequence[Region], pixels: Floats, spec: InputSpec
) -> tuple[Sentence, ...]:
    """Where to doubt: background, uniform light, no selectivity, the photo's edge, a wide field.

    Args:
        maps: of the layer.
        index: of the filter.
        regions: of the filter.
        pixels: float32 1×3×S×S, what the network sees.
        spec: how it was normalised.
    """
    told = []
    if not maps.stats.dead[index] and level_of(float(maps.stats.sparsity[index])) == "none":
        told.append(say("not_selective"))
    large = [region for region in regions if region.size == "very large"]
    if large:
        told.append(say("background", share=round(100 * max(r.share for r in large))))
    if regions:
        told += _of_peak(maps, regions[0], pixels, spec)
    if maps.layer.before_sum:
        told.append(say("before_sum"))
    return tuple(told)


def _of_peak(maps: Maps, region: Region, pixels: Floats, spec: InputSpec) -> list[Sentence]:
    told = []
    left, top, right, bottom = (
        round(v)
        for corner in (region.field[:2], region.field[2:])
        for v in maps.geometry.to_model(*corner)
    )
    colours = pixels[0, :, top:bottom, left:right] * np.array(spec.std)[:, None, None]
    if float(colours.mean(0).std()) < FLAT and float(colours.std((1, 2)).max()) < 2 * FLAT:
        told.append(say("uniform"))
    rows, columns = maps.grid
    row, column = region.cell
    share = (right - left) * (bottom - top) / maps.geometry.size**2
    if share >= WIDE:
        told.append(say("wide_field", share=round(100 * share)))
    elif row in (0, rows - 1) or column in (0, columns - 1):
        told.append(say("edge_of_photo"))
    return told


def where(region: Region, geometry: Geometry) -> str:
    """The place of a region's peak in the photo, in words ("upper left", "in the middle")."""
    x, y = region.peak[0] / geometry.width, region.peak[1] / geometry.height
    high = "upper" if y < 1 / 3 else "lower" if y > 2 / 3 else ""
    side = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    if not high and not side:
        return "in the middle"
    if not high:
        return f"in the middle {side}"
    return f"at the {high} {side}" if side else f"at the {high} middle"
