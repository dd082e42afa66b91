"""Choosing the "I don't know" score, and keeping the ImageNet head for it."""

import numpy as np
import pytest
import torch

from petvision.evaluate.datasets import Labelled
from petvision.models.architectures import build
from petvision.models.cards import Card
from petvision.models.files import read_model, write_model
from petvision.models.unknown import PETS, unit_rows
from training.config import Unknown
from training.run import run
from training.settings import parse_config
from training.unknown import Answers, bank_photos, choose_unknown


def answers(features: np.ndarray, gate_leans_to_pets: float) -> Answers:
    rng = np.random.default_rng(len(features))
    gate = rng.normal(size=(len(features), 1000)).astype(np.float32)
    gate[:, PETS] += gate_leans_to_pets
    logits = rng.normal(size=(len(features), 2)).astype(np.float32)
    return Answers(features.astype(np.float32), logits, gate)


@pytest.fixture
def around_one_axis():
    rng = np.random.default_rng(0)
    return np.abs(rng.normal(size=(100, 8)) * 0.1 + np.eye(8)[0])


def test_the_score_that_separates_best_is_chosen_and_refuses_what_was_allowed(around_one_axis):
    known = answers(around_one_axis, gate_leans_to_pets=8)
    strange = {"backgrounds": answers(around_one_axis, gate_leans_to_pets=-8)}
    choice = choose_unknown(Unknown(false_reject_rate=0.05), known, strange, None, 1.0)
    assert choice.card.score == "pet_mass"
    assert choice.card.false_reject_rate == 0.05
    assert choice.separations["backgrounds"].auroc == 1.0


def test_a_feature_bank_is_chosen_where_the_gate_tells_nothing(around_one_axis):
    known = answers(around_one_axis, gate_leans_to_pets=0)
    strange = {"backgrounds": answers(np.roll(around_one_axis, 1, axis=1), gate_leans_to_pets=0)}
    bank = unit_rows(around_one_axis.astype(np.float32)[:40])
    choice = choose_unknown(Unknown(), known, strange, bank, 1.0)
    assert choice.card.score == "knn"
    assert choice.bank is bank


def test_without_negatives_a_distance_tells_what_a_softmax_of_few_classes_cannot(around_one_axis):
    known = answers(around_one_axis, gate_leans_to_pets=0)
    bank = unit_rows(around_one_axis.astype(np.float32)[:40])
    alone = Answers(known.features, known.logits, None)
    assert choose_unknown(Unknown(), alone, {}, bank, 1.0).card.score == "knn"
    assert choose_unknown(Unknown(), known, {}, bank, 1.0).card.score == "pet_mass"
    assert choose_unknown(Unknown(), alone, {}, None, 1.0).card.score == "max_softmax"


def test_blurred_pictures_are_reported_but_have_no_say(around_one_axis):
    known = answers(around_one_axis, gate_leans_to_pets=8)
    strange = {
        "backgrounds": answers(around_one_axis, gate_leans_to_pets=-8),
        "cifar10": answers(np.roll(around_one_axis, 1, axis=1), gate_leans_to_pets=8),
    }
    bank = unit_rows(around_one_axis.astype(np.float32)[:40])
    choice = choose_unknown(Unknown(), known, strange, bank, 1.0, silent={"cifar10"})
    assert choice.card.score == "pet_mass"
    assert set(choice.separations) == {"backgrounds", "cifar10"}
    assert choose_unknown(Unknown(), known, strange, bank, 1.0).card.score == "combined"


def test_a_small_bank_still_knows_every_class(tmp_path):
    photos = [Labelled(tmp_path / f"{n}.png", f"class {n % 10}") for n in range(40)]
    classes = [f"class {n}" for n in range(10)]
    assert [p.label for p in bank_photos(photos, classes, 4, seed=1)] == classes
    assert len(bank_photos(photos, classes, 20, seed=1)) == 20


def test_a_distance_that_refuses_the_same_things_seen_otherwise_is_not_chosen(around_one_axis):
    rng = np.random.default_rng(4)
    known = answers(around_one_axis, gate_leans_to_pets=8)
    # Nearer, darker, blurred: the gate still says pets, the features lie halfway to elsewhere.
    halfway = around_one_axis + 0.6 * np.roll(around_one_axis, 1, axis=1)
    varied = answers(halfway, gate_leans_to_pets=7.5)
    negatives = {"backgrounds": answers(np.roll(around_one_axis, 1, axis=1), gate_leans_to_pets=-8)}
    bank = unit_rows(rng.permutation(around_one_axis).astype(np.float32)[:40])
    assert choose_unknown(Unknown(), known, negatives, bank, 1.0, varied).card.score == "pet_mass"
    only = Unknown(score="knn")
    knn = choose_unknown(only, known, negatives, bank, 1.0, varied)
    assert knn.separations["backgrounds, varied views"].known_refused > 0.5


def test_a_run_keeps_the_imagenet_head_as_its_gate(small_config, tmp_path):
    torch.manual_seed(1)
    blocks = (1, 1, 1, 1)
    network = build("resnet18", 1000, blocks)
    card = Card(
        name="start",
        architecture="resnet18",
        blocks_per_stage=blocks,
        classes=tuple(f"class {i}" for i in range(1000)),
    )
    start = tmp_path / "start.safetensors"
    write_model(start, card, network.state_dict(), storage="fp32")
    small_config["model"] |= {"pretrained": str(start), "gate": 1.0}
    small_config["training"] |= {"epochs": 1, "blend": [0.0, 0.5, 1.0]}
    small_config["unknown"] = {"score": "pet_mass", "false_reject_rate": 0.2}
    finished = list(run(parse_config(small_config, "test")))[-1].value
    stored = read_model(finished.path)
    assert stored.shapes["gate.weight"] == (1000, 512)
    assert finished.card.unknown.score == "pet_mass"
    assert finished.card.unknown.false_reject_rate <= 0.2
    assert finished.card.training.started_from.startswith("start sha256 ")
