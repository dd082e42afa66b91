"""Grad-CAM: where the last layers found evidence for a class."""

from __future__ import annotations

import numpy as np

from petvision.explain.cams import Cam
from petvision.explain.results import MethodCard
from petvision.images.types import Floats


class GradCam(Cam):
    """Selvaraju et al., "Grad-CAM", ICCV 2017.

    Each channel counts as much as the mean gradient of the class's logit by it. At the last layer
    of a network that ends in an average and a linear layer a unit of heat is a unit of the logit.
    """

    id = "gradcam"
    artifact = "gradcam_panel"
    additive = True
    card = MethodCard(
        title="Grad-CAM",
        shows="Bright places are where the network found evidence for the class.",
        cannot="It is coarse, and it does not show what speaks against the class.",
        sign="Never negative: brighter is more evidence for the class.",
        cost="One forward pass; for other layers than the last, part of a backward pass more.",
        paper="Selvaraju et al., Grad-CAM, ICCV 2017",
    )

    def weigh(self, activation: Floats, gradient: Floats) -> Floats:
        """The mean gradient of each channel."""
        return np.asarray(gradient.mean((2, 3), keepdims=True))
