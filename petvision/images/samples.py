"""The sample photos that travel with the program: a cat, a dog, and neither."""

from __future__ import annotations

from petvision.images.types import Source
from petvision.places import bundled

_NAMES = ("cat.jpg", "dog.jpg", "neither.jpg")


def samples() -> tuple[Source, ...]:
    """A cat, a dog and a photo of neither; authors and licences lie beside them."""
    return tuple(
        Source("file", str(bundled("resources", "samples", name)), name) for name in _NAMES
    )
