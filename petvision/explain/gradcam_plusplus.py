"""Grad-CAM++: Grad-CAM that does not favour the largest of several objects."""

from __future__ import annotations

import numpy as np

from petvision.explain.cams import Cam
from petvision.explain.results import MethodCard
from petvision.images.types import Floats


class GradCamPlusPlus(Cam):
    """Chattopadhay et al., "Grad-CAM++", WACV 2018.

    Each place's gradient g, where it is positive, counts with g² / (2g² + ΣA·g³), the paper's
    closed form for an exponential score, which is 1 / (2 + ΣA·g): written so, it needs no small
    number against division by zero, and faint gradients are not damped by one.
    """

    id = "gradcam_plusplus"
    artifact = "gradcam_plusplus_panel"
    card = MethodCard(
        title="Grad-CAM++",
        shows="Like Grad-CAM, but small and repeated parts of the class count as much as large "
        "ones.",
        cannot="Only gradients in favour count, so it may light up for a class that the network "
        "rejects; a unit of heat has no meaning of its own.",
        sign="Never negative: brighter is more evidence for the class.",
        cost="One forward pass; for other layers than the last, part of a backward pass more.",
        paper="Chattopadhay et al., Grad-CAM++, WACV 2018",
    )

    def weigh(self, activation: Floats, gradient: Floats) -> Floats:
        """The positive gradients of each channel, summed with their shares."""
        high, wide = activation.shape[1:]
        total = activation.sum((1, 2), keepdims=True)  # ΣA of each channel, c×1×1
        below = 2 + total * gradient
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where((gradient > 0) & (below > 0), gradient / below, 0)
        share = np.where(np.isnan(gradient), np.nan, share)
        return np.asarray(high * wide * share.mean((2, 3), keepdims=True), np.float32)
