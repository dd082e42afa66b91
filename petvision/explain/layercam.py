"""LayerCAM: fine maps from early layers."""

from __future__ import annotations

import numpy as np

from petvision.explain.cams import Cam
from petvision.explain.results import MethodCard
from petvision.images.types import Floats


class LayerCam(Cam):
    """Jiang et al., "LayerCAM", IEEE Transactions on Image Processing 2021.

    Each place of each channel counts with its own gradient where that is positive.
    """

    id = "layercam"
    artifact = "layercam_panel"
    card = MethodCard(
        title="LayerCAM",
        shows="Where a layer answered in favour of the class; early layers show fine outlines, "
        "late ones whole parts.",
        cannot="Only gradients in favour count, so it may light up for a class that the network "
        "rejects; a unit of heat has no meaning of its own.",
        sign="Never negative: brighter is more evidence for the class.",
        cost="One forward pass; for other layers than the last, part of a backward pass more.",
        paper="Jiang et al., LayerCAM, IEEE Transactions on Image Processing 2021",
    )

    def weigh(self, activation: Floats, gradient: Floats) -> Floats:
        """The gradient of each place where it is positive."""
        return np.maximum(gradient, 0)
