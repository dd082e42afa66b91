import dataclasses

import numpy as np
import pytest

from petvision.models.engines.base import Trunk
from petvision.models.handle import ModelHandle, from_network
from petvision.models.heads import Heads, Linear
from petvision.models.predict import predict
from petvision.models.unknown import UnknownScore
from tests.models.tiny import pictures, prepared, tiny_card, tiny_resnet

# The hand-made engines below see one number a picture (its mean) and call it the first feature;
# the second is 1. Class "dog" wins where that number is positive.


class Mean:
    """Features (mean of the picture + ``off``, 1)."""

    def __init__(self, name: str, off: float = 0.0):
        self.name, self.off, self.seen = name, off, []

    def forward(self, batch, *, maps=False):
        self.seen.append(len(batch))
        mean = batch.mean((1, 2, 3)) + self.off
        return Trunk(np.stack([mean, np.ones_like(mean)], 1).astype(np.float32))


def handle_of(distance: float = 0.0, off: float = 0.0, **heads: object) -> ModelHandle:
    handle = from_network(tiny_resnet(), ("cat", "dog"), tiny_card().input_spec)
    classifier = Linear(np.array([[-1, 0], [1, 0]], np.float32), np.zeros(2, np.float32))
    reference = Mean("torch-fp32")
    return dataclasses.replace(
        handle,
        heads=Heads(classifier, **heads),
        reference=reference,
        engine=Mean("fast", off) if distance else reference,
        distance=distance,
    )


def photos(*means: float):
    return [prepared(np.full((1, 3, 4, 4), mean, np.float32)) for mean in means]


def test_a_verdict_names_label_scores_model_image_and_engine():
    (cat, dog) = predict(handle_of(), photos(-1.0, 2.0))
    assert (cat.label, dog.label) == ("cat", "dog")
    assert dog.logits == (-2.0, 2.0)
    assert dog.confidence == dog.scores["dog"] == pytest.approx(1 / (1 + np.exp(-4)))
    assert sum(dog.scores.values()) == pytest.approx(1)
    assert dog.best_class == "dog"
    assert dog.engine == "torch-fp32"
    assert dog.model.name == "test"
    assert dog.image.sha256 == "ab" * 32
    assert (dog.ms.read, dog.ms.decode, dog.ms.prepare) == (1.0, 2.0, 3.0)
    assert dog.ms.compute > 0


def test_no_photo_no_verdict():
    assert predict(handle_of(), []) == []


def test_the_temperature_softens_scores_and_changes_no_label():
    (sharp,) = predict(handle_of(), photos(1.0))
    (soft,) = predict(handle_of(temperature=4.0), photos(1.0))
    assert soft.label == sharp.label
    assert soft.logits == sharp.logits
    assert soft.confidence == pytest.approx(1 / (1 + np.exp(-0.5)))


def test_a_photo_over_the_threshold_is_unknown_and_keeps_its_best_class():
    handle = handle_of(unknown=UnknownScore("max_softmax", 0.2))
    clear, vague = predict(handle, photos(3.0, 0.1))
    assert (clear.label, clear.unknown) == ("dog", False)
    assert (vague.label, vague.unknown, vague.best_class) == ("unknown", True, "dog")
    assert vague.unknown_score == pytest.approx(1 - vague.confidence)
    assert vague.unknown_threshold == 0.2


def test_the_threshold_may_be_given_or_switched_off():
    handle = handle_of(unknown=UnknownScore("max_softmax", 0.2))
    (off,) = predict(handle, photos(0.1), unknown="off")
    assert (off.label, off.unknown_threshold) == ("dog", None)
    assert off.unknown_score is not None
    (lax,) = predict(handle, photos(0.1), unknown=0.6)
    assert (lax.label, lax.unknown_threshold) == ("dog", 0.6)


def test_a_model_without_an_unknown_score_never_says_unknown():
    (answer,) = predict(handle_of(), photos(0.0), unknown=0.0)
    assert (answer.unknown, answer.unknown_score, answer.unknown_threshold) == (False, None, None)


def test_near_the_boundary_the_reference_has_the_last_word():
    handle = handle_of(distance=0.01, off=0.009)
    far, near = predict(handle, photos(-1.0, -0.005))
    assert (far.label, far.rechecked) == ("cat", False)
    assert (near.label, near.rechecked) == ("cat", True)  # the fast engine alone says dog
    assert near.logits == predict(handle_of(), photos(-0.005))[0].logits
    assert handle.reference.seen == [1]
    assert (far.engine, near.engine) == ("fast", "torch-fp32")


def test_near_the_unknown_threshold_too():
    score = UnknownScore("max_softmax", float(1 / (1 + np.exp(2.0))))  # a mean of exactly 1
    handle = handle_of(distance=0.02, off=-0.01, unknown=score)
    known, clear = predict(handle, photos(1.005, 2.0))
    assert (known.label, known.rechecked) == ("dog", True)  # the fast engine alone says unknown
    assert not clear.rechecked
    (off,) = predict(handle, photos(1.005), unknown="off")
    assert not off.rechecked


def test_the_reference_itself_is_never_computed_twice():
    handle = handle_of()
    assert not any(p.rechecked for p in predict(handle, photos(0.0, 1e-9)))
    assert handle.reference.seen == [2]


def test_a_real_network_answers_alike_alone_and_in_a_batch():
    handle = from_network(tiny_resnet(), ("cat", "dog"), tiny_card().input_spec)
    batch = [prepared(picture[None]) for picture in pictures(5)]
    together = predict(handle, batch)
    for one, answer in zip(batch, together, strict=True):
        assert predict(handle, [one])[0].logits == pytest.approx(answer.logits, abs=1e-4)
