"""What an exported file says of itself: enough to feed it without this program.

It travels as JSON under the key ``petvision``: in ONNX's metadata, in TorchScript's and
torch.export's extra files.
"""

from __future__ import annotations

import json
from typing import Any

from petvision import __version__
from petvision.images.door import DRAFT_SCALES, REDUCE_ABOVE
from petvision.models.handle import ModelHandle

KEY = "petvision"
FORMAT = 1

STEPS = (
    "Read the picture; width and height are those of the file, before anything is scaled.",
    "A JPEG only: find the first k of draft_scales with min(width, height) >= 2 * resize * k "
    "(else 1) and decode it at 1/k of its size (libjpeg's scaling; Pillow: image.draft). Another "
    "picture of more than reduce_above pixels is averaged down by the same k.",
    "Bring colours to 8-bit sRGB (an embedded profile that differs from sRGB is converted, "
    "transparency laid on white) and turn the picture upright by its EXIF orientation; width and "
    "height are now the upright ones.",
    "Cut the centred square whose side is min(width, height) * size / resize, in pixels of the "
    "undecoded picture and not rounded; divide its corners by k, and let none lie beyond the "
    "decoded picture. Stretch it over size x size pixels with an antialiased filter "
    "(interpolation), straight from the decoded picture. Pillow: image.resize((size, size), "
    "filter, box=corners).",
    "Hand it over as RGB, unsigned 8 bits, N x size x size x 3. Normalisation is inside the file.",
)
ANSWER = (
    "scores are probabilities by class, after temperature scaling. The label is the class with "
    "the largest score, unless unknown_score is greater than unknown.threshold: then it is "
    "'unknown'. Where unknown is null the model never says so."
)


def description(handle: ModelHandle) -> dict[str, Any]:
    """All of it, as plain values."""
    card = handle.card
    unknown = card.unknown
    return {
        "format": FORMAT,
        "name": card.name,
        "architecture": card.architecture,
        "model_sha256": handle.sha256,
        "made_by": f"PetVision {__version__}",
        "classes": list(card.classes),
        "input": {
            "name": "pixels",
            "type": "uint8",
            "shape": ["N", card.input.size, card.input.size, 3],
            "layout": "NHWC",
            "colour": "RGB",
        },
        "outputs": {
            "logits": "float32 N x classes",
            "scores": "float32 N x classes, each row sums to 1",
            "unknown_score": "float32 N, grows with strangeness",
        },
        "preprocessing": {
            "size": card.input.size,
            "resize": card.input.resize,
            "interpolation": card.input.interpolation,
            "draft_scales": list(DRAFT_SCALES),
            "reduce_above": REDUCE_ABOVE,
            "steps": list(STEPS),
        },
        "normalisation_inside": {"mean": list(card.input.mean), "std": list(card.input.std)},
        "temperature": card.temperature,
        "unknown": None
        if unknown is None
        else {"score": unknown.score, "threshold": unknown.threshold},
        "answer": ANSWER,
        "licence": card.licence,
        "limits": list(card.limits),
    }


def as_text(handle: ModelHandle) -> str:
    """The description as JSON."""
    return json.dumps(description(handle), indent=1)
