"""The public library: what ``petvision.open_model``, ``predict`` and the others are.

``petvision`` imports this room when one of them is first used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
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
    from petvision.batch.rows import Summary
    from petvision.explain.results import Explained
    from petvision.neurons.results import Analysis, Choice

__all__ = ["analyse_neurons", "batch", "explain", "open_model", "predict"]

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
    """Say why the model answers as it does; what was asked before comes from the cache.

    Args:
        model: from ``open_model``.
        photo: a path, a URL or the bytes of a picture file.
        methods: ids such as ``"gradcam"``; the five of a drop unless chosen.
        target: the class to explain; the predicted one unless chosen.
        parameters: by method id, what differs from its defaults.

    Returns:
        The prediction, an explanation a method (numpy arrays with their units, geometry and
        provenance) and the methods that failed.

    Raises:
        InputError: when the photo cannot be had or read.
        ConfigError: when a method, parameter or class does not exist.
    """
    from petvision.explain.cache import Cache
    from petvision.explain.run import DEFAULT
    from petvision.explain.run import explain as job

    chosen = DEFAULT if methods is None else methods
    prepared = _prepared(model, photo)
    return result_of(
        job(model, prepared, methods=chosen, target=target, parameters=parameters, cache=Cache())
    )


def batch(
    model: ModelHandle,
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    unknown: Unknown = "auto",
    truth_from_folders: bool = False,
) -> Summary:
    """Answer any number of photos into a table; go on where an earlier run stopped.

    Args:
        model: from ``open_model``, best with ``engine="auto"``.
        inputs: folders (with all below), photos, addresses, or text files that list these.
        out: the run's folder; ``petvision.batch.rows.Reader`` reads its rows.
        unknown: see ``predict``.
        truth_from_folders: whether a folder's name says what is on its photos.

    Returns:
        The counts of all verdicts and, where the truth is known, the accuracy.

    Raises:
        OutputError: when the folder cannot be written or holds another model's run.
    """
    from petvision.batch.rows import summary_of
    from petvision.batch.run import Plan, run
    from petvision.batch.scan import Inputs
    from petvision.batch.truth import Truths

    places = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
    folder = Path(os.path.abspath(out))  # noqa: PTH100 - no ".." left, and a link stays one
    roots = tuple(os.path.abspath(place) for place in places)  # noqa: PTH100
    plan = Plan(
        Inputs(tuple(os.fspath(place) for place in places), avoid=(str(folder),)),
        unknown=unknown,
        truths=Truths(model.card.classes, roots=roots) if truth_from_folders else None,
    )
    result_of(run(model, plan, folder))
    return summary_of(folder)


def analyse_neurons(
    model: ModelHandle,
    photo: Photo,
    *,
    layer: str = "",
    choice: Choice | None = None,
    count: int = 6,
    target: str | None = None,
) -> Analysis:
    """Look at what the filters of one convolution answer to a photo.

    Args:
        model: from ``open_model``.
        photo: a path, a URL or the bytes of a picture file.
        layer: the convolution's name, such as ``"layer2.0.conv1"``; a sane first choice unless
            given.
        choice: criterion, weight and minimum sparsity (``petvision.neurons.results.Choice``).
        count: how many of the first filters are told in detail.
        target: the class of the criteria ``effect`` and ``focus``; the predicted one unless chosen.

    Returns:
        The ranking of all filters, the activations (numpy), and regions, figures, words and
        warnings of the first ones.

    Raises:
        InputError: when the photo cannot be had or read.
        ConfigError: when the layer, class or criterion does not exist.
    """
    from petvision.neurons.run import analyse

    prepared = _prepared(model, photo)
    return result_of(
        analyse(model, prepared, layer=layer, choice=choice, count=count, target=target)
    )


def _prepared(model: ModelHandle, photo: Photo) -> Prepared:
    if isinstance(photo, bytes):
        source = Source("bytes", "", "the picture", photo)
    else:
        source = source_of(os.fspath(photo))
    return open_prepared(source, model.spec)
