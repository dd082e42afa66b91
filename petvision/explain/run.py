"""Several methods on one photo, one after the other; one that fails never stops the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from petvision.errors import ConfigError, PetVisionError
from petvision.events import Event, Events, Partial, Progress, Result
from petvision.explain import registry
from petvision.explain.base import Context, Parameters
from petvision.explain.results import Explained, Failure
from petvision.images.types import Prepared
from petvision.models.handle import ModelHandle
from petvision.models.predict import predict
from petvision.models.results import Prediction

DEFAULT = registry.DEFAULT


def context_of(
    handle: ModelHandle,
    prepared: Prepared,
    *,
    target: str | None = None,
    prediction: Prediction | None = None,
) -> Context:
    """The question to a model about a photo; the target is the predicted class unless chosen.

    Raises:
        ConfigError: ``key`` when the model has no class ``target``.
    """
    if prediction is None:
        (prediction,) = predict(handle, [prepared])
    if target is not None:
        handle.class_index(target)
    return Context(handle, prepared, prediction, target or prediction.best_class)


def explain(
    handle: ModelHandle,
    prepared: Prepared,
    *,
    methods: Sequence[str] = DEFAULT,
    target: str | None = None,
    parameters: Mapping[str, Mapping[str, object]] | None = None,
    prediction: Prediction | None = None,
) -> Events[Explained]:
    """Explain a photo by ``methods``, in that order.

    Args:
        handle: the model.
        prepared: the photo.
        methods: ids of the registry.
        target: the class to explain; the predicted one unless chosen.
        parameters: by method id, what differs from its defaults.
        prediction: the verdict, where it is known already.

    Returns:
        Events: ``Progress`` of the running method, ``Partial`` after each method and while one
        sharpens, and the ``Result``. A method that fails is among its failures.

    Raises:
        ConfigError: at once, when a method, parameter or class does not exist.
    """
    given = parameters or {}
    chosen = [(name, registry.parameters(name, given.get(name, {}))) for name in methods]
    for name in given:
        if name not in methods:
            remedy = f"Asked for: {', '.join(methods)}."
            raise ConfigError("key", "parameters", key=f"method {name!r}", remedy=remedy)
    if target is not None:
        handle.class_index(target)

    def work() -> Iterator[Event[Explained]]:
        yield Progress(0, 0, "prediction")
        yield from _run(context_of(handle, prepared, target=target, prediction=prediction), chosen)

    return work()


def _run(context: Context, chosen: Sequence[tuple[str, Parameters]]) -> Iterator[Event[Explained]]:
    assert context.prediction is not None  # context_of saw to it
    so_far = Explained(context.prediction, context.target)
    for name, values in chosen:
        try:
            for event in registry.method(name).run(context, values):
                if isinstance(event, Progress):
                    yield event
                    continue
                now = replace(so_far, explanations=(*so_far.explanations, event.value))
                if isinstance(event, Partial):
                    yield Partial(now)
                else:
                    so_far = now
        except PetVisionError as error:
            so_far = replace(so_far, failures=(*so_far.failures, Failure(name, error)))
        yield Partial(so_far)
    yield Result(so_far)
