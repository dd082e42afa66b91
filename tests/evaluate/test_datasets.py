"""Data specifications and the folders they name."""

from pathlib import Path

import pytest

from petvision.errors import ConfigError, InputError
from petvision.evaluate.datasets import labelled_photos, parse_spec


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.fixture
def pets_layout(tmp_path: Path) -> Path:
    root = tmp_path / "at@home: pets"
    for split, lines in {
        "trainval": "#a comment\nAbyssinian_1 1 1 1\n\n",
        "test": "great_pyrenees_7 2 2 3\nSphynx_2 3 1 2\n",
    }.items():
        lists = root / "annotations" / f"{split}.txt"
        lists.parent.mkdir(parents=True, exist_ok=True)
        lists.write_text(lines)
    return root


def test_pets_are_read_from_the_official_lists(pets_layout):
    photos = labelled_photos(parse_spec(f"pets:{pets_layout}"))
    assert [(p.path.name, p.label, p.group) for p in photos] == [
        ("great_pyrenees_7.jpg", "dog", "great_pyrenees"),
        ("Sphynx_2.jpg", "cat", "Sphynx"),
    ]
    [trained] = labelled_photos(parse_spec(f"pets:{pets_layout}@trainval"))
    assert trained.path == pets_layout / "images" / "Abyssinian_1.jpg"


def test_torchvisions_folder_around_the_pets_is_found(pets_layout, tmp_path):
    outer = tmp_path / "torchvision"
    outer.mkdir()
    pets_layout.rename(outer / "oxford-iiit-pet")
    assert len(labelled_photos(parse_spec(f"pets:{outer}@test"))) == 2


def test_cifar_has_train_and_test_folders(tmp_path):
    touch(tmp_path / "train" / "cat" / "1.png")
    touch(tmp_path / "test" / "ship" / "2.png")
    assert [p.label for p in labelled_photos(parse_spec(f"cifar10:{tmp_path}"))] == ["ship"]
    assert [p.label for p in labelled_photos(parse_spec(f"cifar10:{tmp_path}@trainval"))] == ["cat"]


def test_a_folder_has_a_folder_a_class_and_ignores_what_is_no_photo(tmp_path):
    for name in ("cat/b.jpg", "cat/deeper/a.png", "dog/c.webp", "dog/notes.txt", ".hidden/d.jpg"):
        touch(tmp_path / name)
    photos = labelled_photos(parse_spec(f"folder:{tmp_path}"))
    assert [(p.label, p.path.name) for p in photos] == [
        ("cat", "b.jpg"),
        ("cat", "a.png"),
        ("dog", "c.webp"),
    ]


def test_a_folder_with_a_training_and_a_test_part_has_splits(tmp_path):
    for name in ("train/cat/a.png", "val/cat/b.png", "test/cat/c.png", "test/dog/d.png"):
        touch(tmp_path / name)

    def names(spec: str) -> list[str]:
        return [p.path.name for p in labelled_photos(parse_spec(spec))]

    assert names(f"folder:{tmp_path}") == names(f"folder:{tmp_path}@test") == ["c.png", "d.png"]
    assert names(f"folder:{tmp_path}@trainval") == ["a.png", "b.png"]


def test_a_folder_of_parts_without_a_test_part_has_the_classes_below_them(tmp_path):
    for name in ("train/cat/a.png", "train/dog/b.png", "valid/cat/c.png", "valid/dog/d.png"):
        touch(tmp_path / name)
    photos = labelled_photos(parse_spec(f"folder:{tmp_path}@trainval"))
    assert [(p.label, p.path.name) for p in photos] == [
        ("cat", "a.png"),
        ("dog", "b.png"),
        ("cat", "c.png"),
        ("dog", "d.png"),
    ]
    with pytest.raises(InputError, match="no test part: add @trainval"):
        labelled_photos(parse_spec(f"folder:{tmp_path}"))


def test_a_split_that_a_folder_does_not_have_is_never_dropped_in_silence(tmp_path):
    touch(tmp_path / "cat" / "a.png")
    with pytest.raises(InputError, match="no splits: leave out @test"):
        labelled_photos(parse_spec(f"folder:{tmp_path}@test"))
    with pytest.raises(ConfigError, match=r"@trainval or @test, not @tset"):
        parse_spec(f"folder:{tmp_path}@tset")
    assert len(labelled_photos(parse_spec(f"folder:{tmp_path}@trainval"))) == 1


def test_a_folder_may_have_an_at_sign_in_its_name(tmp_path):
    touch(tmp_path / "me@home" / "cat" / "a.png")
    assert len(labelled_photos(parse_spec(f"folder:{tmp_path / 'me@home'}"))) == 1


def test_a_csv_names_photos_labels_and_splits(tmp_path):
    file = tmp_path / "list.csv"
    rows = ("photos/a.png,cat,train", "photos/b.png,dog,test", "/far/c.png,dog,test", ",,test")
    file.write_text("\n".join(("Path,Label,split", *rows)))
    photos = labelled_photos(parse_spec(f"csv:{file}@test"))
    assert [(p.path, p.label) for p in photos] == [
        (tmp_path / "photos" / "b.png", "dog"),
        (Path("/far/c.png"), "dog"),
    ]
    assert len(labelled_photos(parse_spec(f"csv:{file}"))) == 3


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"name,label\na,b\n", ConfigError, r"no column path \(it has name, label\)"),
        (b"path,label\na.png,cat\n", ConfigError, "no column split: leave out @test"),
        (b"\xff\xfe\x00", InputError, "is no CSV"),
        (b"", ConfigError, "it has none"),
    ],
)
def test_a_csv_that_cannot_be_used_says_why(tmp_path, content, error, words):
    file = tmp_path / "list.csv"
    file.write_bytes(content)
    with pytest.raises(error, match=words):
        labelled_photos(parse_spec(f"csv:{file}@test"))


def test_what_is_not_there_or_not_known_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="must be one of pets:DIR"):
        parse_spec("photos")
    with pytest.raises(InputError, match="images/ and annotations/"):
        labelled_photos(parse_spec(f"pets:{tmp_path}"))
    with pytest.raises(InputError, match="No photos"):
        labelled_photos(parse_spec(f"folder:{tmp_path}"))


def test_the_real_test_split_has_its_published_size(pets):
    photos = labelled_photos(parse_spec(f"pets:{pets}"))
    labels = [p.label for p in photos]
    assert (labels.count("cat"), labels.count("dog")) == (1183, 2486)
    assert all(p.path.is_file() for p in photos)
