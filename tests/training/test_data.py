"""Splits, twins, views and batches."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petvision.errors import ConfigError
from petvision.evaluate.datasets import DataSpec, Labelled, labelled_photos
from petvision.events import result_of
from petvision.images.types import InputSpec
from training.augment import random_box
from training.config import Augment
from training.data import split_of, split_photos, stratified
from training.likeness import SIDE, Print, prints, twins
from training.loader import Loader
from training.negatives import largest_square
from training.settings import parse_config


def test_each_breed_is_split_in_the_same_proportion():
    photos = [
        Labelled(Path(f"{breed}_{i}.jpg"), label, breed)
        for label, breed in (("cat", "Persian"), ("dog", "Beagle"), ("dog", "Pug"))
        for i in range(20)
    ]
    train, validation = stratified(photos, 0.2, seed=1)
    assert len(train) == 48
    assert {b: sum(p.group == b for p in validation) for b in ("Persian", "Beagle", "Pug")} == {
        "Persian": 4,
        "Beagle": 4,
        "Pug": 4,
    }
    assert not set(train) & set(validation)
    assert stratified(photos, 0.2, seed=1) == (train, validation)


def test_a_twin_is_found_smaller_recompressed_or_mirrored_and_a_stranger_is_not(tmp_path):
    rng = np.random.default_rng(2)
    coarse = rng.integers(0, 256, (2, 9, 12, 3), dtype=np.uint8)
    one, other = (Image.fromarray(c).resize((240, 180), Image.Resampling.BICUBIC) for c in coarse)
    one.save(tmp_path / "one.png")
    one.resize((120, 90)).save(tmp_path / "small.jpg", quality=60)
    one.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "mirrored.png")
    other.save(tmp_path / "other.png")
    one.save(tmp_path / "copy.png")
    names = ("small.jpg", "mirrored.png", "other.png", "copy.png")
    ours = result_of(prints([tmp_path / n for n in names], "")).found
    theirs = result_of(prints([tmp_path / "one.png"], "")).found
    found = {p.name: twin.exact for p, twin in twins(ours, theirs).items()}
    assert found == {"small.jpg": False, "mirrored.png": False, "copy.png": True}


def test_twins_are_found_whatever_block_they_fall_into(monkeypatch):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(9, SIDE * SIDE)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[8] = rows[1]
    ours = {Path(f"{i}"): Print(f"digest {i}", row) for i, row in enumerate(rows)}
    whole = twins(ours, ours)
    assert {p.name: t.path.name for p, t in whole.items()} == {"1": "8", "8": "1"}
    assert not whole[Path("1")].exact
    monkeypatch.setattr("training.likeness.BLOCK", 2)
    assert twins(ours, ours) == whole


def test_an_unreadable_photo_is_left_out_and_recorded(small_config, folder_of_colours):
    (folder_of_colours / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    config = parse_config(small_config, "test")
    config.out.mkdir()
    record = config.out / "data.json"
    split = result_of(split_of(config, record))
    assert [name for name, _ in split.left_out] == ["cat/broken.png"]
    assert len(split.train) + len(split.validation) == 30
    assert result_of(split_of(config, record)) == split


def test_before_a_run_has_begun_other_settings_draw_anew_and_after_that_they_are_refused(
    small_config, tmp_path
):
    record = tmp_path / "data.json"
    drawn = result_of(split_of(parse_config(small_config, "test"), record))
    data = small_config["data"]
    for change in (
        {"seed": 6},
        {"data": data | {"validation": 0.4}},
        {"data": data | {"classes": ["dog", "cat"]}},
    ):
        config = parse_config(small_config | change, "test")
        other = result_of(split_of(config, record))
        assert (other.seed, other.share) == (config.seed, config.data.validation)
        assert (other.validation, other.classes) != (drawn.validation, drawn.classes)
        assert result_of(split_of(config, record)) == other
    (tmp_path / "events.jsonl").touch()
    with pytest.raises(ConfigError, match=r"drawn with another seed or data\.validation; choose"):
        result_of(split_of(parse_config(small_config | {"seed": 7}, "test"), record))


def test_a_photo_that_was_mended_since_the_last_look_is_taken(small_config, folder_of_colours):
    photo = folder_of_colours / "cat" / "00.png"
    whole = photo.read_bytes()
    photo.write_bytes(whole[:100])
    config = parse_config(small_config, "test")
    config.out.mkdir()
    record = config.out / "data.json"
    assert len(result_of(split_of(config, record)).left_out) == 1
    photo.write_bytes(whole)
    assert not result_of(split_of(config, record)).left_out


def test_equal_names_of_other_photos_have_another_digest(small_config, folder_of_colours):
    config = parse_config(small_config, "test")
    before = result_of(split_photos(config)).digest
    assert result_of(split_photos(config)).digest == before
    photo = folder_of_colours / "cat" / "00.png"
    Image.effect_noise((40, 52), 70).convert("RGB").save(photo)
    assert result_of(split_photos(config)).digest != before


@pytest.mark.parametrize("also", ["folder:{}@test", "folder:{}/test"])
def test_a_photo_of_the_test_part_is_never_trained_on_whoever_names_it(
    small_config, folder_of_colours, tmp_path, also
):
    root = tmp_path / "parts"
    shutil.copytree(folder_of_colours, root / "train")
    rng = np.random.default_rng(9)
    for label in ("cat", "dog"):
        (root / "test" / label).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 256, (40, 52, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "test" / label / f"t{number}.png")
    small_config["data"] |= {"root": str(root), "also": [also.format(root)]}
    split = result_of(split_photos(parse_config(small_config, "test")))
    assert split.tests == 6
    assert not any("test" in p.path.parts for p in split.train)
    assert len(split.left_out) == 6


def test_a_photo_named_twice_is_in_one_part_only_and_two_labels_are_refused(
    small_config, folder_of_colours, tmp_path
):
    photos = labelled_photos(DataSpec("folder", folder_of_colours, ""))
    rows = [f"{p.path},{p.label}" for p in photos]
    table = tmp_path / "list.csv"
    table.write_text("\n".join(("path,label", *rows, *rows)))
    small_config["data"] |= {"source": "csv", "root": str(table)}
    split = result_of(split_photos(parse_config(small_config, "test")))
    assert len(split.train) + len(split.validation) == 30
    assert not {p.path for p in split.train} & {p.path for p in split.validation}
    table.write_text("\n".join(("path,label", *rows, rows[0].replace(",cat", ",dog"))))
    with pytest.raises(ConfigError, match=r"00\.png is both cat and dog"):
        result_of(split_photos(parse_config(small_config, "test")))


def test_photos_of_other_sources_are_trained_on_only_and_never_show_what_is_chosen_on(
    small_config, folder_of_colours, tmp_path
):
    alone = result_of(split_photos(parse_config(small_config, "test")))
    more = tmp_path / "more"
    for label in ("cat", "wolf"):
        (more / label).mkdir(parents=True)
        for number in range(4):
            noise = Image.effect_noise((40, 52), 90 + number).convert("RGB")
            noise.save(more / label / f"new{number}.png")
    chosen_on = alone.validation[0]
    shutil.copy(chosen_on.path, more / "cat" / "twin.png")
    small_config["data"]["also"] = [f"folder:{more}", f"folder:{folder_of_colours}"]
    split = result_of(split_photos(parse_config(small_config, "test")))
    assert split.validation == alone.validation
    assert set(split.train) - set(alone.train) == {
        Labelled(more / "cat" / f"new{number}.png", "cat") for number in range(4)
    }
    assert len(split.train) == len(alone.train) + 4
    (gone,) = split.left_out
    assert gone[0] == (more / "cat" / "twin.png").as_posix()
    assert chosen_on.path.name in gone[1]
    record = tmp_path / "data.json"
    split.save(record, folder_of_colours)
    (tmp_path / "events.jsonl").touch()
    again = result_of(split_of(parse_config(small_config, "test"), record))
    assert (again.train, again.validation) == (split.train, split.validation)


def test_a_typo_in_another_source_names_its_key(small_config):
    small_config["data"]["also"] = ["fodler:photos"]
    with pytest.raises(ConfigError, match=r"data\.also.*one of .*folder:DIR"):
        result_of(split_photos(parse_config(small_config, "test")))


def test_another_source_without_a_photo_of_the_classes_is_told(small_config, tmp_path):
    (tmp_path / "more" / "wolf").mkdir(parents=True)
    Image.new("RGB", (40, 40)).save(tmp_path / "more" / "wolf" / "a.png")
    small_config["data"]["also"] = [f"folder:{tmp_path / 'more'}"]
    with pytest.raises(ConfigError, match=r"no class of the model in folder:.*There are wolf\."):
        result_of(split_photos(parse_config(small_config, "test")))


def test_equal_seeds_give_equal_batches_whatever_the_threads_do(folder_of_colours):
    photos = tuple(labelled_photos(DataSpec("folder", folder_of_colours, "")))
    spec = InputSpec(size=32, resize=36)

    def batches(workers: int, seed: int):
        loader = Loader(photos, ("cat", "dog"), spec, 4, Augment(), seed, workers)
        return [batch.pixels for batch in loader.epoch(3)]

    one, four, other = batches(1, seed=9), batches(4, seed=9), batches(1, seed=10)
    assert len(one) == len(photos) // 4
    assert all((a == b).all() for a, b in zip(one, four, strict=True))
    assert any((a != b).any() for a, b in zip(one, other, strict=True))


def test_unvaried_batches_come_in_order_and_hold_every_photo(folder_of_colours):
    photos = tuple(labelled_photos(DataSpec("folder", folder_of_colours, "")))
    loader = Loader(photos, ("cat", "dog"), InputSpec(size=32, resize=36), 8)
    labels = np.concatenate([batch.labels for batch in loader.epoch()])
    assert labels.tolist() == [0] * 15 + [1] * 15


def test_random_boxes_stay_inside_photos_of_any_shape():
    rng = np.random.default_rng(0)
    recipe = Augment()
    for width, height in ((640, 480), (1, 1), (10_000, 20), (3, 900)):
        for _ in range(50):
            left, top, right, bottom = random_box(width, height, recipe, rng)
            assert 0 <= left < right <= width + 1e-9
            assert 0 <= top < bottom <= height + 1e-9


def test_the_largest_square_is_found():
    free = np.zeros((9, 12), bool)
    free[2:7, 5:12] = True  # five rows, seven columns
    left, top, side = largest_square(free)
    assert side == 5
    assert top == 2
    assert 5 <= left <= 7
    assert free[top : top + side, left : left + side].all()
