"""HiResCAM: Grad-CAM without averaging the gradients first."""

from __future__ import annotations

from petvision.explain.cams import Cam
from petvision.explain.results import MethodCard
from petvision.images.types import Floats


class HiResCam(Cam):
    """Draelos and Carin, "Use HiResCAM instead of Grad-CAM", 2020 (arXiv 2011.08891).

    Each place of each channel is multiplied with its own gradient: the first-order share of that
    place in the logit. At the last layer before an average it is the same as Grad-CAM.
    """

    id = "hirescam"
    artifact = "hirescam_panel"
    additive = True
    card = MethodCard(
        title="HiResCAM",
        shows="The places of a layer that raised the logit of the class, each counted with its "
        "own gradient.",
        cannot="At the last layer it equals Grad-CAM; at early layers it is rough, and it does "
        "not show what speaks against the class.",
        sign="Never negative: brighter raised the logit more.",
        cost="One forward pass; for other layers than the last, part of a backward pass more.",
        paper="Draelos and Carin, Use HiResCAM instead of Grad-CAM, arXiv 2011.08891",
    )

    def weigh(self, activation: Floats, gradient: Floats) -> Floats:
        """The gradient of each place itself."""
        return gradient
