import math
import subprocess
import sys

import numpy as np
import pytest

from petvision.models.unknown import (
    PETS,
    UnknownScore,
    energy,
    knn,
    max_softmax,
    needs,
    pet_mass,
    softmax,
    unit_rows,
)


def gate_of(pet_chance: float) -> np.ndarray:
    """Logits of a gate that gives pets this chance in all."""
    chances = np.full(1000, (1 - pet_chance) / (1000 - len(PETS)))
    chances[PETS] = pet_chance / len(PETS)
    return np.log(chances)[None].astype(np.float32)


def test_there_are_118_dogs_and_5_cats():
    assert len(PETS) == 118 + 5


def test_their_names_are_imagenets_pets():
    from petvision.models.torchvision_door import imagenet_classes

    names = imagenet_classes()
    assert [names[i] for i in (151, 268, 281, 285)] == [
        "Chihuahua",
        "Mexican hairless",
        "tabby",
        "Egyptian cat",
    ]
    assert names[269] == "timber wolf"
    assert names[286] == "cougar"


@pytest.mark.parametrize("chance", [0.999, 0.5, 0.01, 1e-9])
def test_pet_mass_is_minus_the_log_of_a_pets_chance(chance):
    assert pet_mass(gate_of(chance))[0] == pytest.approx(-math.log(chance), rel=1e-4, abs=1e-4)


def test_pet_mass_survives_huge_logits():
    assert np.isfinite(pet_mass(np.full((1, 1000), 1e30, np.float32))).all()


def test_knn_is_one_minus_the_mean_cosine_to_the_nearest():
    bank = unit_rows(np.array([[2, 0], [0, 3], [-1, 0]], np.float32))
    features = np.array([[1, 0], [5, 5]], np.float32)
    assert knn(features, bank, 1) == pytest.approx([0, 1 - math.sqrt(0.5)], abs=1e-6)
    assert knn(features, bank, 2) == pytest.approx([0.5, 1 - math.sqrt(0.5)], abs=1e-6)
    assert knn(features, bank, 99) == pytest.approx([1.0, 1 - math.sqrt(0.5) / 3], abs=1e-6)


def test_max_softmax_and_energy_by_hand():
    logits = np.array([[0, math.log(3)]], np.float32)
    assert max_softmax(logits, 1) == pytest.approx([0.25])
    assert energy(logits, 1) == pytest.approx([-math.log(4)])
    assert softmax(logits, 1e6) == pytest.approx(np.array([[0.5, 0.5]]), abs=1e-5)


def test_a_combination_adds_its_standardised_parts():
    statistics = {
        "max_softmax.weight": 2.0,
        "max_softmax.mean": 0.05,
        "max_softmax.std": 0.1,
        "energy.weight": 1.0,
        "energy.mean": 0.0,
        "energy.std": 2.0,
    }
    score = UnknownScore("combined", 0.0, statistics=statistics)
    logits = np.array([[0, math.log(3)]], np.float32)
    expected = 2 * (0.25 - 0.05) / 0.1 - math.log(4) / 2
    assert score(np.zeros((1, 2), np.float32), logits, None) == pytest.approx([expected])


def test_a_score_says_what_it_needs():
    assert needs("pet_mass").gate
    assert needs("knn").bank
    both = needs("combined", {"pet_mass.weight": 1.0, "knn.weight": 0.0})
    assert (both.gate, both.bank) == (True, False)


STATISTICS = {
    "k": 3.0,
    **{f"{part}.weight": 1.0 for part in ("pet_mass", "knn", "max_softmax", "energy")},
    **{f"{part}.mean": 0.5 for part in ("pet_mass", "knn", "max_softmax", "energy")},
    **{f"{part}.std": 0.7 for part in ("pet_mass", "knn", "max_softmax", "energy")},
}


@pytest.mark.parametrize("name", ["pet_mass", "knn", "max_softmax", "energy", "combined"])
def test_slopes_are_the_scores_derivatives(name):
    draw = np.random.default_rng(0)
    features, logits, gate = (draw.normal(size=(1, n)) for n in (6, 4, 1000))
    bank = unit_rows(draw.normal(size=(20, 6)).astype(np.float32)).astype(np.float64)
    score = UnknownScore(name, 0.0, 1.7, STATISTICS, bank)
    slopes = score.slopes(features, logits, gate)
    step = 1e-6
    for position, slope in enumerate((slopes.by_features, slopes.by_logits, slopes.by_gate)):
        way = draw.normal(size=slope.shape)
        ends = []
        for sign in (1, -1):
            inputs = [features, logits, gate]
            inputs[position] = inputs[position] + sign * step * way
            ends.append(score(*inputs)[0])
        seen = (ends[0] - ends[1]) / (2 * step)
        assert seen == pytest.approx(float((slope * way).sum()), rel=1e-4, abs=1e-6)


def test_it_brings_no_torch_along():
    code = "import sys; import petvision.models.unknown, petvision.models.results; "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
