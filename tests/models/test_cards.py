import json

import pytest
from pydantic import ValidationError

from petvision.errors import ModelError
from petvision.images.types import InputSpec
from petvision.models.cards import Card, SplitMetrics, TrainingCard, UnknownCard, markdown, parse

FULL = Card(
    name="catdog",
    architecture="resnet101",
    classes=("cat", "dog"),
    unknown=UnknownCard(score="pet_mass", threshold=1.25, false_reject_rate=0.02),
    temperature=1.5,
    metrics={
        "test": SplitMetrics(
            n=3669, accuracy=0.9929, accuracy_ci95=(0.9896, 0.9952), roc_auc=0.99982, loss=0.0202
        )
    },
    training=TrainingCard(data="Oxford-IIIT Pet", seed=0, versions={"torch": "2.13"}),
    licence="CC BY-NC 4.0",
    limits=("Knows cats and dogs only.",),
    made="2026-01-01",
)


def fault_of(**changes: object) -> str:
    raw = FULL.model_dump() | changes
    raw = {key: value for key, value in raw.items() if value is not ...}
    with pytest.raises(ModelError) as caught:
        parse(json.dumps(raw), "catdog.safetensors")
    assert caught.value.source == "catdog.safetensors"
    return str(caught.value)


def test_a_card_comes_back_as_it_went_into_json():
    assert parse(FULL.model_dump_json(), "x") == FULL


def test_the_input_becomes_the_images_rooms_own_type():
    assert FULL.input_spec == InputSpec(size=224, resize=232)


def test_fields_of_later_versions_are_passed_over():
    assert parse(json.dumps(FULL.model_dump() | {"colour": "blue"}), "x") == FULL


@pytest.mark.parametrize("field", ["name", "architecture", "classes"])
def test_what_is_missing_is_said_by_name(field):
    assert f"says nothing of {field}" in fault_of(**{field: ...})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": []}, "classes"),
        ({"classes": ["cat", "cat"]}, "a class is named twice"),
        ({"temperature": 0}, "temperature"),
        ({"input": {"size": 224, "resize": 200}}, "resize must be at least size"),
        ({"input": {"std": [1, 0, 1]}}, "std must be positive"),
        ({"unknown": {"score": "guess", "threshold": 1}}, "unknown.score"),
        (
            {"unknown": {"score": "knn", "threshold": 1, "statistics": {"k": 0}}},
            "k must be at least 1",
        ),
        ({"unknown": {"score": "combined", "threshold": 1}}, "needs weights"),
        (
            {
                "unknown": {
                    "score": "combined",
                    "threshold": 1,
                    "statistics": {"knn.weight": 1, "knn.mean": 0},
                }
            },
            "knn.std must be positive",
        ),
        ({"unknown": {"score": "knn"}}, "says nothing of unknown.threshold"),
        ({"name": "../../etc/passwd"}, "name"),
        ({"format": "1"}, "no format number"),
        ({"format": ...}, "no format number"),
    ],
)
def test_what_makes_no_sense_is_said_by_name(changes, words):
    assert words in fault_of(**changes)


def test_a_newer_format_is_told_as_such():
    with pytest.raises(ModelError) as caught:
        parse(json.dumps(FULL.model_dump() | {"format": 2}), "x")
    assert caught.value.code == "unknown_version"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"temperature": NaN}'])
def test_what_is_no_card_is_no_model(text):
    with pytest.raises(ModelError, match="card") as caught:
        parse(text, "x")
    assert caught.value.code == "not_a_model"


def test_a_card_does_not_change():
    with pytest.raises(ValidationError):
        FULL.name = "other"


def test_the_page_for_people_tells_figures_limits_and_licence():
    page = markdown(FULL, "ab" * 32)
    for words in (
        "# catdog\n",
        "2: cat, dog",
        "0.9929 (0.9896 to 0.9952)",
        "3,669",
        "`pet_mass` over 1.25 (2.00%",
        "- Knows cats and dogs only.",
        "CC BY-NC 4.0",
        "torch 2.13",
        f"sha256 `{'ab' * 32}`",
    ):
        assert words in page


def test_a_bare_card_makes_a_page_without_empty_sections():
    page = markdown(Card(name="a", architecture="resnet18", classes=("x",)))
    assert "## " not in page
    assert "never says it does not know" in page
