"""How a training photo is varied. Every choice comes from a seeded generator of its own."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageEnhance

from petvision.images.prepare import resample
from petvision.images.types import Box, InputSpec, Picture, Pixels
from training.config import Augment

ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
COARSEST = 7  # a 224-pixel picture drawn from 32 pixels, like a far away pet


def augmented(
    picture: Picture, spec: InputSpec, recipe: Augment, rng: np.random.Generator
) -> Pixels:
    """One training view of a photo: uint8 size×size×3, by the same resampling as predictions."""
    box = random_box(picture.facts.width, picture.facts.height, recipe, rng)
    view = Image.fromarray(resample(picture, box, spec.size, spec.interpolation))
    if rng.random() < recipe.flip:
        view = view.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for index in rng.permutation(len(ENHANCERS)):
        factor = 1 + recipe.colour * rng.uniform(-1, 1)
        view = ENHANCERS[index](view).enhance(factor)
    if rng.random() < recipe.grey:
        view = view.convert("L").convert("RGB")
    if rng.random() < recipe.coarse:
        view = _coarse(view, rng)
    pixels = np.array(view)
    if rng.random() < recipe.erase:
        _erase(pixels, rng)
    return pixels


def random_box(width: int, height: int, recipe: Augment, rng: np.random.Generator) -> Box:
    """A part of the photo (original pixels): a share of its area, a little wider or taller."""
    share = rng.uniform(*recipe.crop)
    aspect = math.exp(rng.uniform(-1, 1) * math.log(recipe.aspect))
    wide = min(width, math.sqrt(share * width * height * aspect))
    tall = min(height, math.sqrt(share * width * height / aspect))
    # In a long photo the area cannot be had at this aspect: keep the aspect, take what fits.
    wide, tall = min(wide, tall * recipe.aspect), min(tall, wide * recipe.aspect)
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - tall)
    return (left, top, left + wide, top + tall)


def _coarse(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    size = view.size
    few = round(size[0] / rng.uniform(1.5, COARSEST))
    small = view.resize((few, few), Image.Resampling.BOX)
    return small.resize(size, Image.Resampling.BILINEAR)


def _erase(pixels: Pixels, rng: np.random.Generator) -> None:
    """Cover a rectangle of 2 to 20 % of the picture with one colour, in place."""
    size = pixels.shape[0]
    area = rng.uniform(0.02, 0.2) * size * size
    aspect = math.exp(rng.uniform(-1.5, 1.5))
    wide = max(1, min(size, round(math.sqrt(area * aspect))))
    tall = max(1, min(size, round(math.sqrt(area / aspect))))
    left, top = rng.integers(0, size - wide + 1), rng.integers(0, size - tall + 1)
    pixels[top : top + tall, left : left + wide] = rng.integers(0, 256, 3)
