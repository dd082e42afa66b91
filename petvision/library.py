"""The public library: what ``petvision.open_model``, ``predict`` and ``explain`` are.

``petvision`` imports this room when one of them is first used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from petvision.events import result_of
from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared
from petvision.images.types import Prepared, Source
from petvision.models.handle import ModelHandle, open_model
from petvision.models.predict import Unknown
from petvision.models.predict import predict as verdicts
from petvision.models.results import Prediction

if TYPE_CHECKING:
    from petvision.explain.results import Explained

__all__ = ["explain", "open_model", "predict"]

Photo = str | os.PathLike[str] | bytes
"""A path, an http(s) URL, or the bytes of a picture file."""


def predict(model: ModelHandle, photo: Photo, *, unknown: Unknown = "auto") -> Prediction:
    """Say what is on a photo.

    Args:
        model: from ``open_model``.
        photo: a path, a URL or the bytes of a picture file.
        unknown: ``"auto"`` takes the model's own threshold, ``"off"`` never says unknown, a
            number is a threshold on the unknown score.

    Returns:
        The label, the temperature-scaled scores by class, the confidence and what it rests on.

    Raises:
        InputError: when the photo cannot be had or read.
    """
    (prediction,) = verdicts(model, [_prepared(model, photo)], unknown)
    return prediction


def explain(
    model: ModelHandle,
    photo: Photo,
    *,
    methods: Sequence[str] | None = None,
    target: str | None = None,
    parameters: Mapping[str, Mapping[str, object]] | None = None,
) -> Explained:
    """Say why the model answers as it does.

    Args:
        model: from ``open_model``.
        photo: a path, a URL or the bytes of a picture file.
        methods: ids such as ``"gradcam"``; all of them unless chosen.
        target: the class to explain; the predicted one unless chosen.
        parameters: by method id, what differs from its defaults.

    Returns:
        The prediction, an explanation a method (numpy arrays with their units, geometry and
        provenance) and the methods that failed.

    Raises:
        InputError: when the photo cannot be had or read.
        ConfigError: when a method, parameter or class does not exist.
    """
    from petvision.explain.run import DEFAULT
    from petvision.explain.run import explain as job

    chosen = DEFAULT if methods is None else methods
    prepared = _prepared(model, photo)
    return result_of(job(model, prepared, methods=chosen, target=target, parameters=parameters))


def _prepared(model: ModelHandle, photo: Photo) -> Prepared:
    if isinstance(photo, bytes):
        source = Source("bytes", "", "the picture", photo)
    else:
        source = source_of(os.fspath(photo))
    return open_prepared(source, model.spec)
