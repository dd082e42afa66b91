"""Run a case again and say what came out differently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from petvision.errors import ConfigError, PetVisionError
from petvision.events import Event, Progress, Result
from petvision.explain import registry
from petvision.explain.base import Context
from petvision.explain.cams import Cam, CamParameters
from petvision.explain.contrast import difference
from petvision.explain.results import Explanation
from petvision.images.door import load
from petvision.images.prepare import prepare_encoded
from petvision.models.engine import KINDS, REFERENCE, available, with_fast_engine
from petvision.models.handle import ModelHandle
from petvision.models.predict import predict
from petvision.reports.case import Case, RecordedPanel, transform_sha256
from petvision.reports.panels import npy_values

EXACT, CLOSE = 1e-3, 5e-2
"""Shares of a panel's range: between runs of float32 engines, and where bfloat16 had a part."""
SCORE = 2e-2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was compared: ``same`` or not, with what was seen in ``words``."""

    what: str
    same: bool
    words: str


def engine_of(case: Case) -> str:
    """The engine that made a case: the fast one, where one had a part in a panel."""
    makers = [panel.engine.rpartition("placed by ")[2] for panel in case.panels]
    known = {kind.name for kind in KINDS} - {REFERENCE}
    return next((name for name in makers if name in known), case.engine)


def on_its_engine(case: Case, handle: ModelHandle) -> ModelHandle:
    """The same model answered by the engine that made a case, or by the reference without it."""
    name = engine_of(case)
    if name not in available(handle):
        return handle
    try:
        return with_fast_engine(handle, name)
    except ConfigError:  # on this machine it is too far from the reference
        return handle


def verify(case: Case, handle: ModelHandle) -> Iterator[Event[tuple[Finding, ...]]]:
    """Explain the photo of a case again and compare.

    Args:
        case: what was recorded.
        handle: the model to run it with, on whatever engine (``on_its_engine`` takes the case's).

    Raises:
        InputError: when the photo cannot be had or read.
    """
    found = [
        _digest("weights", case.model_sha256, handle.sha256),
        _digest("transform", case.transform, transform_sha256(handle.spec)),
        _engine(case, handle),
    ]
    encoded = load(case.source)
    if encoded.sha256 != case.image_sha256:
        found.append(_digest("photo", case.image_sha256, encoded.sha256))
        yield Result(tuple(found))  # the rest would compare two photos
        return
    found.append(_digest("photo", case.image_sha256, encoded.sha256))
    prepared = prepare_encoded(encoded, handle.spec)
    (prediction,) = predict(handle, [prepared], case.unknown)
    found.append(_scores(case, prediction.label, dict(prediction.scores)))
    for panel in case.panels:
        yield Progress(0, 0, panel.method)
        try:
            context = Context(handle, prepared, prediction, case.target)
            for event in _again(context, panel):
                if isinstance(event, Progress):
                    yield event
                elif isinstance(event, Result):
                    found.append(compare(panel, event.value))
        except PetVisionError as error:
            found.append(Finding(panel.method, False, str(error)))
    yield Result(tuple(found))


def _again(context: Context, panel: RecordedPanel) -> Iterator[Event[Explanation]]:
    """The panel's method on the panel's own class, or on the difference of two.

    Raises:
        ConfigError: when the method, a parameter or a class does not exist.
    """
    method = registry.method(panel.method)
    values = registry.parameters(panel.method, panel.parameters)
    target = panel.target or context.target
    one, minus, other = target.partition(" − ")
    named = target in context.handle.card.classes  # a class may have a minus in its name
    if minus and not named and isinstance(method, Cam) and isinstance(values, CamParameters):
        context.handle.class_index(one)
        yield from difference(replace(context, target=one), method, values, other)
        return
    context.handle.class_index(target)
    yield from method.run(replace(context, target=target), values)


def compare(panel: RecordedPanel, now: Explanation) -> Finding:
    """Whether a panel's numbers are what was recorded."""
    name = now.card.title
    before, after = _flat(panel.values), _flat(npy_values(now))
    if before.shape != after.shape:
        return Finding(name, False, "has another shape now")
    span = float(np.abs(before).max(initial=0)) or 1.0
    apart = float(np.abs(after - before).max(initial=0)) / span
    if not np.isfinite(apart):
        return Finding(name, False, "holds values that are no numbers")
    bf16 = "bf16" in panel.engine or "bf16" in now.provenance.engine
    limit = CLOSE if bf16 else EXACT
    if apart == 0:
        return Finding(name, True, "the same to the last digit")
    size = f"{100 * apart:.2g} % of its range"
    if apart <= limit:
        return Finding(name, True, f"the same to {size}")
    return Finding(name, False, f"differs by up to {size}")


def _flat(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """All numbers of a panel in one row, layer after layer."""
    if values.dtype.names:
        parts = [values[name].ravel() for name in values.dtype.names]
        return np.concatenate(parts).astype(np.float64)
    return values.ravel().astype(np.float64)


def _digest(what: str, before: str, now: str) -> Finding:
    if not before:
        return Finding(what, True, "was not recorded")
    same = before == now
    words = "the same" if same else f"another one now ({now[:12]}… instead of {before[:12]}…)"
    return Finding(what, same, words)


def _engine(case: Case, handle: ModelHandle) -> Finding:
    """Who computes now; another engine is no difference, but what differs may come from it."""
    before, now = engine_of(case), handle.engine.name
    words = f"{now}, as then" if before == now else f"{now} now, {before} then"
    if before not in available(handle):
        words += f" ({before} does not run here)"
    return Finding("engine", True, words)


def _scores(case: Case, label: str, scores: dict[str, float]) -> Finding:
    if label != case.label:
        return Finding("verdict", False, f"{label} now, {case.label} then")
    if scores.keys() != case.scores.keys():
        return Finding("verdict", False, "the model has other classes now")
    apart = max(abs(scores[name] - case.scores[name]) for name in scores)
    words = f"{label}, scores the same to {apart:.1g}"
    return Finding("verdict", apart <= SCORE, words)
