"""A verdict as the contract's JSON: the same from the command line and in files."""

from __future__ import annotations

from dataclasses import asdict

from petvision.errors import PetVisionError
from petvision.images.types import Source
from petvision.models.results import Prediction


def prediction_json(source: Source, prediction: Prediction) -> dict[str, object]:
    """What ``petvision predict --json`` says of a photo it could read."""
    image = prediction.image
    return {
        "source": place_of(source),
        "label": prediction.label,
        "confidence": prediction.confidence,
        "scores": dict(prediction.scores),
        "unknown": prediction.unknown,
        "unknown_score": prediction.unknown_score,
        "model": asdict(prediction.model),
        "image": {
            "width": image.width,
            "height": image.height,
            "format": image.format,
            "sha256": image.sha256,
            "notes": [str(note) for note in image.notes],
        },
        "engine": prediction.engine,
        "ms": {stage: round(ms, 3) for stage, ms in asdict(prediction.ms).items()},
    }


def error_json(source: Source, error: PetVisionError) -> dict[str, object]:
    """What ``petvision predict --json`` says of a photo it could not read."""
    return {
        "source": place_of(source),
        "error": {"code": error.code, "message": str(error)},
    }


def place_of(source: Source) -> str:
    """The path or URL as it was given; the label of what has none."""
    return source.location or source.label
