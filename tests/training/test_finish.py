"""From the trained network to its file: all of it or nothing, and nobody else's photos."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petvision.errors import ConfigError
from petvision.events import Partial, Progress
from petvision.models.album import album_beside
from petvision.models.files import read_card, sha256_of
from training.happenings import Word
from training.run import run
from training.settings import parse_config


@pytest.fixture
def near_and_far(tmp_path: Path) -> list[str]:
    """The SPECs of two folders of other things: noise, and plain colours."""
    rng = np.random.default_rng(3)
    for name, count in (("near", 5), ("far", 7)):
        folder = tmp_path / name / "thing"
        folder.mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (40, 40, 3) if name == "near" else (1, 1, 3), np.uint8)
            Image.fromarray(pixels).resize((40, 40)).save(folder / f"{number}.png")
    return [f"folder:{tmp_path / name}" for name in ("near", "far")]


@pytest.fixture
def quick(small_config: dict) -> dict:
    """The last layer alone: what comes after the training is what counts here."""
    small_config["training"] |= {"epochs": 0}
    small_config["unknown"] |= {"views": 1}
    return small_config


def leave(events, words: str) -> None:
    """Go until a stage of the work, and no further."""
    for event in events:
        if isinstance(event, Progress) and event.words == words:
            return
    raise AssertionError(f"there is no stage {words!r}")


def test_each_folder_of_negatives_has_figures_of_its_own(quick, near_and_far):
    quick["unknown"]["negatives"] = near_and_far
    found = list(run(parse_config(quick, "test")))[-1].value.separations
    assert {name: s.strange for name, s in found.items()} == {
        "near": 5,
        "far": 7,
        "near, varied views": 5,
    }


def test_a_broken_negative_or_outlier_is_told_and_the_run_goes_on(quick, near_and_far, tmp_path):
    (tmp_path / "near" / "thing" / "1.png").write_bytes(b"no picture")
    quick["unknown"] |= {"negatives": near_and_far, "outliers": near_and_far[:1]}
    quick["training"]["epochs"] = 1
    *events, last = run(parse_config(quick, "test"))
    words = [e.value.words for e in events if isinstance(e, Partial) and isinstance(e.value, Word)]
    sentence = "1 of the 5 photos of near cannot be read: left out (1.png)."
    assert words.count(sentence) == 2
    assert last.value.separations["near"].strange == 4


def test_negatives_that_go_while_it_trains_cost_no_training(quick, near_and_far, tmp_path):
    quick["unknown"]["negatives"] = near_and_far[:1]
    config = parse_config(quick, "test")
    events = run(config)
    leave(events, "validation")  # the negatives are listed
    for photo in (tmp_path / "near" / "thing").iterdir():
        photo.unlink()
    with pytest.raises(ConfigError, match=r"unknown\.negatives: near must be photos that can be"):
        list(events)
    assert not list(config.out.rglob("*.safetensors"))
    quick["unknown"]["negatives"] = near_and_far[1:]
    finished = list(run(parse_config(quick, "test"), resume=True, ending=True))[-1].value
    assert set(finished.separations) == {"far", "far, varied views"}


@pytest.mark.parametrize(
    "stage", ["validation", "negatives: far", "photos", "small copies of photos"]
)
def test_a_half_made_model_never_has_the_final_name(quick, near_and_far, stage):
    quick["unknown"]["negatives"] = near_and_far
    config = parse_config(quick, "test")
    events = run(config)
    leave(events, stage)
    assert (config.out / ".draft" / "model.safetensors").is_file()
    assert not (config.out / "model.safetensors").exists()  # were it killed now
    events.close()  # as Stop does
    assert not (config.out / ".draft").exists()
    (config.out / ".draft").mkdir()
    (config.out / ".draft" / "model.photos").write_bytes(b"of a killed run")
    finished = list(run(config, resume=True, ending=True))[-1].value
    assert finished.path == config.out / "model.safetensors"
    assert read_card(finished.path) == finished.card
    assert finished.card.metrics["validation"].n == 6
    assert album_beside(finished.path, sha256_of(finished.path)) is not None
    assert not (config.out / ".draft").exists()


def test_a_model_stays_until_another_is_whole(quick):
    config = parse_config(quick, "test")
    list(run(config))
    files = [config.out / f"model.{kind}" for kind in ("safetensors", "md", "photos")]
    before = [file.read_bytes() for file in files]
    quick["unknown"]["score"] = "energy"
    quick["model"]["album"] = False
    events = run(parse_config(quick, "test"), resume=True, ending=True)
    leave(events, "photos")
    events.close()
    assert [file.read_bytes() for file in files] == before
    finished = list(run(parse_config(quick, "test"), resume=True, ending=True))[-1].value
    assert finished.card.unknown.score == "energy"
    assert sorted(f.name for f in config.out.glob("model.*")) == ["model.md", "model.safetensors"]


def test_a_score_that_cannot_be_had_makes_no_model(quick):
    quick["unknown"]["score"] = "pet_mass"
    config = parse_config(quick, "test")
    with pytest.raises(ConfigError, match=r"unknown\.score=pet_mass: it reads the kept ImageNet"):
        list(run(config))
    assert not list(config.out.rglob("*.safetensors"))


def test_an_album_has_no_copies_of_photos_from_published_data_sets(quick, tmp_path):
    pets = tmp_path / "pets"
    (pets / "images").mkdir(parents=True)
    (pets / "annotations").mkdir()
    rng = np.random.default_rng(7)
    lines = []
    for number in range(12):
        name, species = (f"Birman_{number}", 1) if number % 2 else (f"pug_{number}", 2)
        pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(pets / "images" / f"{name}.jpg")
        lines.append(f"{name} 1 {species} 1")
    (pets / "annotations" / "trainval.txt").write_text("\n".join(lines))
    quick["data"]["also"] = [f"pets:{pets}"]
    quick["unknown"]["bank"] = 100
    finished = list(run(parse_config(quick, "test")))[-1].value
    album = album_beside(finished.path, sha256_of(finished.path))
    assert album is not None
    assert len(album.snapshots) == len(album.features) == 24
    assert {Path(s.name).suffix for s in album.snapshots} == {".png"}
    learned = {sha256_of(photo) for photo in (pets / "images").iterdir()}
    assert learned <= album.learned  # to be recognised, not shown
