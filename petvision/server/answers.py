"""The work behind the answers, as jobs for the lane: the same functions the library calls."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from petvision.errors import ConfigError, PetVisionError
from petvision.events import Event, Events, Progress, Result
from petvision.explain import registry
from petvision.explain.results import Explained
from petvision.explain.run import DEFAULT, explain
from petvision.figures.render import png
from petvision.images.door import decode_for_display
from petvision.images.prepare import prepare_encoded
from petvision.images.types import Encoded, Limits, Picture, Prepared, Source
from petvision.models.handle import ModelHandle
from petvision.models.predict import predict
from petvision.models.results import Prediction
from petvision.reports.panels import panel_json
from petvision.reports.prediction import prediction_json
from petvision.server.failures import INTERNAL
from petvision.server.schemas import AdvancedAnswer, Answer, Asked, Fault, Panel, PanelFault
from petvision.terminal import crash_report

Open = Callable[[], ModelHandle]
Read = Callable[[], Encoded]


def verdict(open_: Open, read: Read, limits: Limits) -> Events[Answer]:
    """The answer of ``/predict``.

    Raises:
        ModelError: when the model cannot be used.
        InputError: when the picture cannot be read.
    """
    handle = open_()
    yield Progress(0, 1, "reading")
    encoded = read()
    _, prediction = _judged(handle, encoded, limits)
    yield Result(Answer.model_validate(_answer(encoded.source, prediction)))


def reasons(
    open_: Open, read: Read, limits: Limits, asked: Asked, seconds: float
) -> Iterator[Event[AdvancedAnswer]]:
    """The answer of ``/predict/advanced``; panels that are not done in ``seconds`` are left out.

    Raises:
        ModelError: when the model cannot be used.
        InputError: when the picture cannot be read.
        ConfigError: when a method, parameter or class does not exist.
    """
    until = time.monotonic() + seconds
    handle = open_()
    methods = tuple(dict.fromkeys(asked.methods if asked.methods is not None else DEFAULT))
    _check(handle, methods, asked)
    yield Progress(0, len(methods), "reading")
    encoded = read()
    prepared, prediction = _judged(handle, encoded, limits)
    yield Progress(0, len(methods), "decoding")
    photo = decode_for_display(encoded, limits=limits)
    artifacts: dict[str, Panel | PanelFault] = {}
    target = asked.target or prediction.best_class
    for name in methods:
        job = explain(
            handle,
            prepared,
            methods=[name],
            target=target,
            parameters={k: v for k, v in asked.parameters.items() if k == name},
            prediction=prediction,
        )
        artifacts[registry.method(name).artifact] = yield from _panel(job, photo, until)
    yield Result(
        AdvancedAnswer.model_validate(
            {**_answer(encoded.source, prediction), "target": target, "artifacts": artifacts}
        )
    )


def _check(handle: ModelHandle, methods: Sequence[str], asked: Asked) -> None:
    """See that methods, parameters and target exist, before anything is computed."""
    for name in methods:
        registry.method(name)
    for name, values in asked.parameters.items():
        if name not in methods:
            remedy = f"Asked for: {', '.join(methods)}."
            raise ConfigError("key", "parameters", key=f"method {name!r}", remedy=remedy)
        registry.parameters(name, values)
    if asked.target is not None:
        handle.class_index(asked.target)


def _judged(handle: ModelHandle, encoded: Encoded, limits: Limits) -> tuple[Prepared, Prediction]:
    prepared = prepare_encoded(encoded, handle.spec, limits)
    (prediction,) = predict(handle, [prepared])
    return prepared, prediction


def _answer(source: Source, prediction: Prediction) -> dict[str, Any]:
    told = prediction_json(source, prediction)
    meta = {key: told[key] for key in ("model", "image", "engine", "unknown_score", "ms")}
    return {
        "label": prediction.label,
        "prediction": prediction.label,
        "scores": dict(prediction.scores),
        "confidence": prediction.confidence,
        "unknown": prediction.unknown,
        "meta": {**meta, "unknown_threshold": prediction.unknown_threshold},
    }


def _panel(
    job: Events[Explained], photo: Picture, until: float
) -> Generator[Progress, None, Panel | PanelFault]:
    """One panel, or why there is none; whatever happens here, the others go on."""
    try:
        for event in job:
            if isinstance(event, Result):
                return _drawn(event.value, photo)
            if time.monotonic() > until:
                message = "This panel was not done in the time a request has."
                return PanelFault(error=Fault(code="too_slow", message=message))
            if isinstance(event, Progress):
                yield event
        raise RuntimeError("the job ended without a result")
    except PetVisionError as error:
        return PanelFault(error=Fault(code=error.code, message=str(error)))
    except Exception as bug:  # noqa: BLE001 - ours: a report, and the other panels
        crash_report(bug)
        return PanelFault(error=Fault(code="internal", message=INTERNAL))


def _drawn(explained: Explained, photo: Picture) -> Panel:
    if explained.failures:
        raise explained.failures[0].error
    (explanation,) = explained.explanations
    facts = panel_json(explanation)
    del facts["artefacts"]  # names of files, and here are none
    return Panel(png_base64=base64.b64encode(png(explanation, photo)).decode(), facts=facts)
