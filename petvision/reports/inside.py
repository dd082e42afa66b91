"""What a trained model looks like inside: its filters, and its maps of one photo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from petvision.events import Progress, Result, through
from petvision.explain.run import explain
from petvision.figures.render import png, svg
from petvision.figures.style import PRINT
from petvision.images.door import decode_for_display, load
from petvision.images.inputs import source_of
from petvision.images.prepare import prepare_encoded
from petvision.models.handle import ModelHandle

METHODS = ("kernels", "feature_maps")


def inside(handle: ModelHandle, photo: Path) -> Iterator[Progress | Result[dict[str, bytes]]]:
    """``kernels`` and ``feature_maps`` as PNG and SVG, by file name.

    Args:
        handle: the model.
        photo: whose maps are shown.

    Raises:
        InputError: when the photo cannot be read.
    """
    encoded = load(source_of(str(photo)))
    picture = decode_for_display(encoded)
    prepared = prepare_encoded(encoded, handle.spec)
    explained = yield from through(explain(handle, prepared, methods=METHODS))
    found = {}
    for explanation in explained.explanations:
        for kind, draw in (("png", png), ("svg", svg)):
            found[f"{explanation.method}.{kind}"] = draw(explanation, picture, PRINT)
    yield Result(found)
