"""What single filters count for a class: by silencing each, and by where the evidence lies."""

from __future__ import annotations

import time

import numpy as np

from petvision.events import Events, Progress, Result
from petvision.images.types import Floats, Prepared
from petvision.models.activations import gradient_at_layer
from petvision.models.handle import ModelHandle
from petvision.neurons.layers import Anatomy
from petvision.neurons.passes import logits_without
from petvision.neurons.regions import resized
from petvision.neurons.results import Doubles, Maps

STEP_S = 0.2  # what one step of the job should take; the number of filters a step follows it
MOST = 64


def effects(
    handle: ModelHandle, anatomy: Anatomy, layer: str, prepared: Prepared, target: str
) -> Events[Doubles]:
    """By how much the target's logit falls without each filter of a layer.

    A filter without which it rises has a negative effect. The filter's output after its BatchNorm
    is set to zero: the same as zeroing its weights and bias. Where no convolution follows before
    the average and the last linear layer, no filter meets another on the way: two passes tell all.

    Returns:
        Events: progress by filters, and float64 c.

    Raises:
        ConfigError: ``key`` when there is no such layer or class.
    """
    facts, index = anatomy.convolution(layer), handle.class_index(target)
    module = anatomy.taps[facts.name].module
    pixels = prepared.pixels

    def work() -> Events[Doubles]:
        if apart_to_the_end(handle, anatomy, facts.name):
            yield Progress(0, facts.filters, "silencing filters")
            yield Result(_closed(handle, module, pixels, index))
            return
        whole = float(logits_without(handle.network, module, pixels, [[]])[0, index])
        found = np.zeros(facts.filters)
        done, many = 0, 2
        while done < facts.filters:
            yield Progress(done, facts.filters, "silencing filters")
            chunk = range(done, min(done + many, facts.filters))
            start = time.perf_counter()
            logits = logits_without(handle.network, module, pixels, [[i] for i in chunk])
            found[chunk.start : chunk.stop] = whole - logits[:, index]
            took = time.perf_counter() - start
            many = int(np.clip(many * STEP_S / max(took, 1e-6), 1, min(2 * many, MOST)))
            done = chunk.stop
        yield Result(found)

    return work()


def apart_to_the_end(handle: ModelHandle, anatomy: Anatomy, layer: str) -> bool:
    """Whether a convolution's filters stay apart up to the average before the linear layer."""
    steps, step_of = anatomy.graph.steps, anatomy.graph.module_step
    convolutions = {step_of[name] for name in anatomy.taps}
    reached = {step_of[layer]}
    for number in range(step_of[layer] + 1, len(steps)):
        if reached & set(steps[number].sources):
            if number in convolutions:
                return False
            reached.add(number)
    return handle.heads.pooled


def _closed(handle: ModelHandle, module: str, pixels: Floats, index: int) -> Doubles:
    """Each channel's average less what it is without any filter, times its weight."""
    assert handle.heads.classifier is not None  # of a pooled network
    weights = handle.heads.classifier.weight[index].astype(np.float64)
    every = range(len(weights))
    pooled = logits_without(handle.network, module, pixels, [[], every], at="avgpool")
    return np.asarray((pooled[0] - pooled[1]).reshape(-1) * weights)


def evidence(handle: ModelHandle, anatomy: Anatomy, prepared: Prepared, target: str) -> Floats:
    """Where the photo speaks for a class, by the network's last maps: float32 h×w in 0..1.

    It is the positive part of Grad-CAM (Selvaraju et al., 2017) by its largest value; zero
    everywhere when nothing speaks for the class.
    """
    index = handle.class_index(target)
    found = gradient_at_layer(handle.network, anatomy.last, prepared.pixels, index)
    if found is None:
        return np.zeros((1, 1), np.float32)
    weights = found.gradient.mean((1, 2))
    heat = np.maximum(np.tensordot(weights, found.activation, 1), 0)
    return np.asarray(heat / (heat.max() or 1), np.float32)


def focus(maps: Maps, heat: Floats) -> Doubles:
    """How much of each filter lies on the evidence, float64 c in 0..1.

    It is the share of its activation that lies there times the evidence at its peak: on 150 photos
    the share alone left a peak on plain background in every fifth photo, the product in every
    seventieth (see ``tests/benchmarks/neurons.py``).

    Args:
        maps: of the layer.
        heat: from ``evidence``.
    """
    rows, columns = maps.grid
    weights = resized(heat, rows, columns)
    total = maps.maps.sum((1, 2), dtype=np.float64)
    on = np.tensordot(maps.maps.astype(np.float64), weights, 2)
    peaks = weights.reshape(-1)[maps.maps.reshape(len(maps.maps), -1).argmax(1)]
    return np.asarray(peaks * on / np.maximum(total, 1e-12))
