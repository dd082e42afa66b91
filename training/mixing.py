"""Mixup and CutMix: training pictures and answers blended in pairs, within a batch."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def mixed(
    pixels: Tensor, targets: Tensor, mixup: float, cutmix: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """A batch blended with itself in another order; both strengths over 0 take turns by chance.

    Args:
        pixels: N×3×H×W.
        targets: N×C shares that sum to 1.
        mixup: alpha of Zhang et al., "mixup", ICLR 2018; 0: none.
        cutmix: alpha of Yun et al., "CutMix", ICCV 2019; 0: none.
        rng: chooses the pairs, the shares and the places.
    """
    if not mixup and not cutmix:
        return pixels, targets
    pasting = bool(cutmix) and (not mixup or rng.random() < 0.5)
    alpha = cutmix if pasting else mixup
    share = float(rng.beta(alpha, alpha))
    other = torch.from_numpy(rng.permutation(len(pixels))).to(pixels.device)
    if pasting:
        pixels, share = _pasted(pixels, pixels[other], share, rng)
    else:
        pixels = torch.lerp(pixels[other], pixels, share)
    return pixels, torch.lerp(targets[other], targets, share)


def _pasted(
    pixels: Tensor, others: Tensor, share: float, rng: np.random.Generator
) -> tuple[Tensor, float]:
    """A rectangle of ``others`` over ``pixels``, and the share of them that is left to be seen."""
    height, width = pixels.shape[2:]
    side = math.sqrt(1 - share)
    y, x = int(rng.integers(height)), int(rng.integers(width))
    half_h, half_w = round(side * height / 2), round(side * width / 2)
    top, bottom = max(0, y - half_h), min(height, y + half_h)
    left, right = max(0, x - half_w), min(width, x + half_w)
    pasted = pixels.clone()
    pasted[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
    return pasted, 1 - (bottom - top) * (right - left) / (height * width)
