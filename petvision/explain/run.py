"""Several methods on one photo, one after the other; one that fails never stops the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from petvision.errors import ConfigError, PetVisionError
from petvision.events import Event, Events, Partial, Progress, Result
from petvision.explain import registry
from petvision.explain.base import Context, Parameters
from petvision.explain.cache import Cache, key
from petvision.explain.results import Attribution, Explained, Explanation, Failure, Trust
from petvision.explain.trust import Referee
from petvision.images.types import Prepared
from petvision.memory import give_back
from petvision.models.engines.base import Trunk
from petvision.models.handle import ModelHandle
from petvision.models.predict import look
from petvision.models.results import Prediction

DEFAULT = registry.DEFAULT


def context_of(
    handle: ModelHandle,
    prepared: Prepared,
    *,
    target: str | None = None,
    prediction: Prediction | None = None,
    trunk: Trunk | None = None,
) -> Context:
    """The question to a model about a photo; the target is the predicted class unless chosen.

    Raises:
        ConfigError: ``key`` when the model has no class ``target``.
    """
    if target is not None:
        handle.class_index(target)
    if prediction is None:
        prediction, trunk = look(handle, prepared)
    return Context(handle, prepared, prediction, target or prediction.best_class, trunk)


def method_events(
    context: Context, name: str, values: Parameters, cache: Cache | None = None
) -> Iterator[Event[Explanation]]:
    """One method on one question: from the cache, where it holds the answer, or computed.

    This is the one door to the cache; a job that is cancelled or fails leaves nothing in it.
    """
    method = registry.method(name)
    if cache is None:
        yield from method.run(context, values)
        return
    entry = key(context, name, values, aims=method.kind is Attribution)
    known = cache.get(entry)
    if isinstance(known, method.kind):
        yield Result(known)
        return
    for event in method.run(context, values):
        if isinstance(event, Result) and not getattr(event.value, "cut_short", False):
            cache.put(entry, event.value)
        yield event


def trust_events(
    context: Context,
    values: Parameters,
    found: Attribution,
    referee: Referee,
    cache: Cache | None = None,
) -> Iterator[Event[Trust]]:
    """The badge of a map that ``method_events`` gave for the same question and parameters.

    That of a map which time cut short is not kept, as the map is not.
    """
    entry = key(context, found.method, values, aims=True, what="trust")
    known = None if cache is None else cache.get(entry)
    if isinstance(known, Trust):
        yield Result(known)
        return
    for event in referee.judge(context, values, found):
        if cache is not None and isinstance(event, Result) and not found.cut_short:
            cache.put(entry, event.value)
        yield event


def explain(
    handle: ModelHandle,
    prepared: Prepared,
    *,
    methods: Sequence[str] = DEFAULT,
    target: str | None = None,
    parameters: Mapping[str, Mapping[str, object]] | None = None,
    prediction: Prediction | None = None,
    trunk: Trunk | None = None,
    cache: Cache | None = None,
) -> Events[Explained]:
    """Explain a photo by ``methods``, in that order.

    Args:
        handle: the model.
        prepared: the photo.
        methods: ids of the registry.
        target: the class to explain; the predicted one unless chosen.
        parameters: by method id, what differs from its defaults.
        prediction: the verdict, where it is known already.
        trunk: what ``look`` gave beside it: saves the CAM methods a forward pass.
        cache: where known answers are looked up and new ones kept; None computes everything.

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
        context = context_of(handle, prepared, target=target, prediction=prediction, trunk=trunk)
        yield from _run(context, chosen, cache)

    return work()


def _run(
    context: Context, chosen: Sequence[tuple[str, Parameters]], cache: Cache | None
) -> Iterator[Event[Explained]]:
    assert context.prediction is not None  # context_of saw to it
    so_far = Explained(context.prediction, context.target)
    for name, values in chosen:
        try:
            for event in method_events(context, name, values, cache):
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
    give_back()  # or many photos in a row would leave the heap in pieces
    yield Result(so_far)
