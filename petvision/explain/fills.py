"""What "nothing there" looks like: the baselines of Integrated Gradients and the fills of patches.

All are chosen in pixel space and given in the network's own normalised numbers.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter

from petvision.images.types import Floats, InputSpec

Fill = Literal["mean", "black", "white", "blur", "noise"]

BLUR = 1 / 20
"""Standard deviation of the blur, in picture sides: shapes go, the mood of colours stays."""


def fill(pixels: Floats, spec: InputSpec, kind: Fill, seed: int = 0) -> Floats:
    """A picture that shows nothing of ``pixels``.

    Args:
        pixels: what the network sees, float32 1×3×S×S, normalised.
        spec: how they were normalised.
        kind: the mean colour of the training photos, black, white, the photo itself blurred, or
            noise (each value of each pixel evenly between black and white, by ``seed``).
        seed: for the noise.

    Returns:
        float32 1×3×S×S, normalised as ``pixels`` are.
    """
    if kind == "mean":
        return np.zeros_like(pixels)
    if kind == "blur":
        sigma = BLUR * pixels.shape[-1]
        return gaussian_filter(pixels, (0, 0, sigma, sigma), mode="nearest").astype(np.float32)
    if kind == "noise":
        values = np.random.default_rng(seed).random(pixels.shape, np.float32)
    else:
        values = np.full_like(pixels, 0 if kind == "black" else 1)
    mean, std = (np.array(v, np.float32).reshape(1, 3, 1, 1) for v in (spec.mean, spec.std))
    return np.asarray((values - mean) / std, np.float32)
