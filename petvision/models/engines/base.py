"""What every engine offers: a batch in, features (and maps) out. numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from petvision.images.types import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Trunk:
    """What a network makes of a batch before its last linear layer.

    ``features`` N×F; ``maps`` N×F'×h×w of the last convolution, where they were asked for. Both
    belong to the caller.
    """

    features: Floats
    maps: Floats | None = None


class Engine(Protocol):
    """A network made ready to compute; safe to share between threads."""

    @property
    def name(self) -> str:
        """Such as ``openvino-bf16``."""

    @property
    def lanes(self) -> int:
        """How many batches it computes at once; more wait for their turn."""

    def forward(self, batch: Floats, *, maps: bool = False) -> Trunk:
        """Compute a batch of normalised pictures, float32 N×3×S×S."""


class Differentiator(Protocol):
    """Who computes gradients by the pixels, in float32; safe to share between threads."""

    @property
    def name(self) -> str:
        """Such as ``openvino-fp32``."""

    def prepare(self) -> None:
        """Make it ready now; otherwise the first gradient does."""

    def __call__(self, batch: Floats, target: int) -> tuple[Floats, Floats]:
        """The gradient of logit ``target`` by every value of N×3×S×S, and the N logits."""
