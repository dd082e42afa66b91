"""Negatives and outliers are looked for before the training, and a broken one ends nothing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petvision.errors import ConfigError
from petvision.evaluate.datasets import Labelled, labelled_photos, parse_spec
from petvision.images.types import InputSpec
from training.config import Config
from training.data import Split
from training.negatives import Strangers, negatives_of, strangers
from training.settings import parse_config
from training.unknown import check_unknown

VIEW = InputSpec(size=32, resize=36)
CLASSES = ("cat", "dog")


def noise(folder: Path, count: int, label: str = "noise", seed: int = 3) -> Path:
    """A folder of one class of coloured noise."""
    rng = np.random.default_rng(seed)
    (folder / label).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


def named(*specs: str) -> list[str]:
    return [s.name for s in strangers("unknown.negatives", specs, (), CLASSES)]


def config_with(small_config: dict, **unknown: object) -> tuple[Config, Split]:
    small_config["unknown"] |= unknown
    config = parse_config(small_config, "test")
    photos = labelled_photos(parse_spec(f"folder:{config.data.root}"))
    return config, Split(CLASSES, tuple(photos), tuple(photos[::5]), ())


def test_two_folders_are_told_apart_by_their_names(tmp_path):
    near, far = noise(tmp_path / "near", 2), noise(tmp_path / "far", 3)
    found = strangers("unknown.negatives", [f"folder:{near}", f"folder:{far}"], (), CLASSES)
    assert {s.name: len(s.photos) for s in found} == {"near": 2, "far": 3}


def test_folders_of_one_name_are_told_apart_by_where_they_lie(tmp_path):
    near, far = noise(tmp_path / "near" / "photos", 1), noise(tmp_path / "far" / "photos", 1)
    assert named(f"folder:{near}", f"folder:{far}") == ["photos", "far/photos"]


def test_what_is_named_twice_counts_once(tmp_path):
    photos = noise(tmp_path / "near", 1)
    assert named(f"folder:{photos}", f"folder:{photos}") == ["near"]


def test_a_folder_called_backgrounds_is_not_taken_for_them(tmp_path):
    photos = noise(tmp_path / "backgrounds", 1)
    first, second = named(f"folder:{photos}", "backgrounds")
    assert first.endswith("/backgrounds")
    assert second == "backgrounds"


def test_a_data_set_goes_by_its_own_name_and_has_no_say_where_it_is_enlarged(tmp_path):
    noise(tmp_path / "here" / "train", 1, "ship")
    near = noise(tmp_path / "cifar-like", 1)
    specs = [f"cifar10:{tmp_path / 'here'}", f"folder:{near}"]
    found = strangers("unknown.negatives", specs, (), CLASSES)
    assert [(s.name, s.enlarged) for s in found] == [("cifar10", True), ("cifar-like", False)]


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("cifar10:/nowhere", "{key}: /nowhere/train is not there. A CIFAR folder holds"),
        ("background", "{key}: SPEC must be backgrounds or one of pets:DIR"),
        ("folder:/nowhere@training", "{key}: the split must be @trainval or @test, not @training"),
    ],
)
@pytest.mark.parametrize("key", ["negatives", "outliers"])
def test_what_is_not_there_is_told_with_its_key_before_the_training(
    small_config, key, spec, sentence
):
    config, split = config_with(small_config, **{key: [spec]})
    with pytest.raises(ConfigError) as caught:
        check_unknown(config, split)
    assert str(caught.value).startswith(sentence.format(key=f"unknown.{key}"))


def test_photos_of_the_classes_and_their_kin_are_no_negatives(tmp_path):
    noise(tmp_path / "zoo", 1, "dog")
    spec = f"folder:{noise(tmp_path / 'zoo', 1, 'wolf')}"
    with pytest.raises(ConfigError, match=r"photos of none of the classes, not only dog, wolf\."):
        named(spec)
    noise(tmp_path / "zoo", 2, "ship")
    [found] = strangers("unknown.negatives", [spec], (), CLASSES)
    assert [p.label for p in found.photos] == ["ship", "ship"]


def test_a_folder_of_which_nothing_can_be_read_is_told_before_the_training(tmp_path):
    photos = noise(tmp_path / "near", 3)
    for photo in (photos / "noise").iterdir():
        photo.write_bytes(b"no picture")
    with pytest.raises(ConfigError, match=r"photos that can be read, not 3 that cannot\."):
        named(f"folder:{photos}")


def test_a_broken_negative_is_left_out_and_counted(tmp_path):
    photos = noise(tmp_path / "near", 4)
    for number in (0, 2):
        (photos / "noise" / f"{number}.png").write_bytes(b"no picture")
    [found] = strangers("unknown.negatives", [f"folder:{photos}"], (), CLASSES)
    unread: list = []
    assert len(list(found.views(VIEW, unread))) == 2
    word = found.word(unread)
    assert word is not None
    assert word.words == "2 of the 4 photos of near cannot be read: left out (0.png and others)."
    assert found.word(unread[:1]).words.endswith(
        "1 of the 4 photos of near cannot be read: left out (0.png)."
    )
    assert found.word([]) is None


def pet(root: Path, name: str, marks: np.ndarray) -> Labelled:
    """A photo whose background is white and whose pet is black, with its trimap."""
    (root / "images").mkdir(exist_ok=True, parents=True)
    (root / "trimaps").mkdir(exist_ok=True)
    grey = np.where(marks == 1, 0, 255).astype(np.uint8)
    Image.fromarray(np.stack([grey] * 3, axis=-1)).save(root / "images" / f"{name}.png")
    Image.fromarray(marks.astype(np.uint8)).save(root / "trimaps" / f"{name}.png")
    return Labelled(root / "images" / f"{name}.png", "cat")


def test_backgrounds_show_no_pet_and_a_damaged_trimap_is_left_out(tmp_path):
    half = np.full((100, 200), 2)
    half[:, :100] = 1
    whole, narrow = np.full((100, 200), 2), np.full((100, 200), 1)
    narrow[:, 150:] = 2
    photos = [pet(tmp_path, n, m) for n, m in (("a", half), ("b", whole), ("c", narrow))]
    photos += [pet(tmp_path, n, half) for n in ("cut", "text", "colour")]
    cut = tmp_path / "trimaps" / "cut.png"
    cut.write_bytes(cut.read_bytes()[:60])
    (tmp_path / "trimaps" / "text.png").write_text("no picture")
    Image.new("RGB", (200, 100)).save(tmp_path / "trimaps" / "colour.png")
    [found] = strangers("unknown.negatives", ["backgrounds"], photos, CLASSES)
    unread: list = []
    [view] = found.views(VIEW, unread)
    assert view.shape == (32, 32, 3)
    # Of the first photo, whose pet bleeds into the edge; the others mark no pet, or little else.
    assert view[:, 2:].min() == 255
    assert [error.source for error in unread] == ["cut.png", "text.png", "colour.png"]


def test_photos_without_trimaps_have_no_backgrounds_which_is_told(small_config):
    config, split = config_with(small_config, negatives=["backgrounds"])
    words = ["No photo has a trimap beside it: no backgrounds."]
    assert check_unknown(config, split) == words
    config, split = config_with(small_config, outliers=["backgrounds"], negatives=[])
    with pytest.raises(ConfigError, match="backgrounds must be photos of none of the classes"):
        check_unknown(config, split)


def test_what_is_not_used_need_not_be_there(small_config):
    nowhere = ["folder:/nowhere"]
    config, split = config_with(small_config, score="none", negatives=nowhere, outliers=nowhere)
    assert negatives_of(config, split) == ()
    assert check_unknown(config, split, training=False) == []


@pytest.mark.parametrize(
    ("unknown", "sentences"),
    [
        ({"score": "pet_mass"}, ["it reads the kept ImageNet head, which model.gate=0 drops"]),
        ({"score": "knn", "bank": 0}, ["the feature bank, which unknown.bank=0 leaves out"]),
        ({"score": "combined", "bank": 0}, ["model.gate=0", "unknown.bank=0"]),
    ],
)
def test_a_score_that_cannot_be_had_is_refused(small_config, unknown, sentences):
    config, split = config_with(small_config, **unknown)
    with pytest.raises(ConfigError) as caught:
        check_unknown(config, split)
    assert caught.value.source == f"unknown.score={unknown['score']}"
    for sentence in sentences:
        assert sentence in str(caught.value)


def test_strangers_without_anything_to_tell_are_silent(tmp_path):
    assert Strangers("near", (Labelled(tmp_path / "a.png", "noise"),)).word() is None
