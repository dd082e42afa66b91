import errno
import io
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petvision.errors import ConfigError, OutputError
from petvision.explain.results import Explained, Failure
from petvision.images.types import ImageFacts, Milliseconds, Source
from petvision.models import files
from petvision.models.results import ModelIdentity, Prediction
from petvision.reports.panels import Folders, npy, stem_of, write
from tests.figures.results import WIDE, attribution, channel_maps, kernel_set, photo

PREDICTION = Prediction(
    label="cat",
    scores={"cat": 0.9, "dog": 0.1},
    logits=(1.0, -1.0),
    confidence=0.9,
    unknown=False,
    unknown_score=None,
    unknown_threshold=None,
    model=ModelIdentity("tiny", "cd" * 32),
    image=ImageFacts(640, 320, "PNG", "ab" * 32),
    engine="torch-fp32",
    ms=Milliseconds(),
)
HEAT = attribution(np.arange(49.0).reshape(7, 7))
CAT = Source("file", "/photos/cat.png", "cat.png")


def explained(*explanations, **changes: object) -> Explained:
    return replace(Explained(PREDICTION, "cat", explanations), **changes)


def of_picture(sha256: str) -> Explained:
    image = replace(PREDICTION.image, sha256=sha256)
    return explained(HEAT, prediction=replace(PREDICTION, image=image))


def file(location: str) -> Source:
    return Source("file", location, "shown")


def test_the_folder_holds_a_picture_and_the_numbers_of_each_method_and_a_record(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "out" / "cat"
    made = write(folder, CAT, explained(HEAT, channel_maps(), kernel_set()), photo(WIDE))
    names = ["occlusion", "feature_maps", "kernels"]
    expected = [f"{n}.{e}" for n in names for e in ("png", "npy")] + ["explanation.json"]
    assert [path.name for path in made] == expected
    assert sorted(path.name for path in folder.iterdir()) == sorted(expected)
    with Image.open(folder / "kernels.png") as image:
        assert image.format == "PNG"
    np.testing.assert_array_equal(np.load(folder / "occlusion.npy"), HEAT.heat)
    assert list(tmp_path.joinpath("out").iterdir()) == [folder]


def test_the_record_says_what_each_file_is(tmp_path: Path) -> None:
    failure = Failure("gradcam", ConfigError("key", "gradcam", key="layer 'x'", remedy=""))
    write(tmp_path / "cat", CAT, explained(HEAT, channel_maps(2, 3), failures=(failure,)), None)
    record = json.loads((tmp_path / "cat/explanation.json").read_text("ascii"))
    assert record["format"] == 1
    assert record["source"] == "/photos/cat.png"
    assert record["target"] == "cat"
    assert record["prediction"]["label"] == "cat"
    assert record["prediction"]["image"]["sha256"] == "ab" * 32
    heat, maps = record["panels"]
    assert heat["method"] == "occlusion"
    assert heat["parameters"] == {"window": 32, "fill": "mean"}
    assert heat["facts"][0] == {
        "code": "completeness_gap", "value": 2.14, "unit": "%", "words": "Completeness gap",
    }  # fmt: skip
    assert heat["geometry"] == {
        "width": 640, "height": 320, "box": [160, 0, 480, 320], "size": 64,
    }  # fmt: skip
    assert heat["artefacts"] == {"png": "occlusion.png", "npy": "occlusion.npy"}
    assert heat["provenance"]["model"] == {"name": "tiny", "sha256": "cd" * 32}
    assert heat["provenance"]["engine"] == "torch-fp32"
    assert maps["layers"][1] == {"label": "layer1", "channels": [0, 1, 2], "of": 64}
    assert record["errors"][0]["method"] == "gradcam"
    assert record["errors"][0]["error"]["code"] == "key"


def test_maps_of_different_sizes_share_one_file_without_pickling() -> None:
    maps = channel_maps(3, 4)
    loaded = np.load(io.BytesIO(npy(maps)), allow_pickle=False)
    assert loaded.dtype.names == ("layer0", "layer1", "layer2")
    for layer in maps.layers:
        np.testing.assert_array_equal(loaded[layer.label], layer.maps)


def test_equal_stems_are_counted_in_input_order() -> None:
    folders = Folders()
    places = ["/a/cat.jpg", "/b/cat.png", "/a/dog.jpg", "/c/Cat.jpg", "/a/cat-2.jpg"]
    assert [folders.name(file(place)) for place in places] == [
        "cat", "cat-2", "dog", "Cat-3", "cat-2-2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        (file("/photos/my cat.final.jpg"), "my cat.final"),
        (file("/photos/ñandú 🐈.jpg"), "ñandú 🐈"),
        (file(os.fsdecode(b"/photos/\xff\xfe.jpg")), os.fsdecode(b"\xff\xfe")),
        (file("/photos/.hidden"), "hidden"),
        (file("/photos/what?.jpg"), "what_"),
        (file("/photos/con.jpg"), "con_"),
        (file("/photos/" + "x" * 250 + ".jpg"), "x" * 200),
        (file("/photos/" + "🐈" * 60 + ".jpg"), "🐈" * 50),
        (Source("url", "https://example.org/a/tom.jpg?size=2", "tom.jpg"), "tom"),
        (Source("url", "https://example.org/a%2F..%2Ftom.jpg", "tom.jpg"), "a_.._tom"),
        (Source("url", "https://example.org/", "example.org"), "https___example"),
        (Source("url", "https://example.org/photo/", "photo"), "photo"),
        (Source("bytes", "", "pasted picture", b""), "pasted picture"),
        (Source("bytes", "", "...", b""), "photo"),
    ],
)
def test_a_stem_is_a_name_that_any_disk_takes(source: Source, stem: str) -> None:
    assert stem_of(source) == stem


def test_the_same_picture_is_renewed_and_strange_files_stay(tmp_path: Path) -> None:
    folder = tmp_path / "cat"
    write(folder, CAT, explained(HEAT, kernel_set()), None)
    (folder / "my notes.txt").write_text("mine")
    write(folder, CAT, explained(attribution(np.ones((7, 7)))), None)
    assert sorted(path.name for path in folder.iterdir()) == [
        "explanation.json", "my notes.txt", "occlusion.npy", "occlusion.png",
    ]  # fmt: skip
    assert np.load(folder / "occlusion.npy").all()


def test_another_pictures_folder_is_never_touched(tmp_path: Path) -> None:
    folder = tmp_path / "cat"
    write(folder, CAT, of_picture("11" * 32), None)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(OutputError, match="already there") as caught:
        write(folder, CAT, of_picture("22" * 32), None)
    assert caught.value.code == "exists"
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("record", [None, "[]", "{", '{"prediction": 3}', '"ab"'])
def test_a_folder_without_a_record_of_ours_is_never_touched(
    tmp_path: Path, record: str | None
) -> None:
    folder = tmp_path / "cat"
    folder.mkdir()
    (folder / "holiday.jpg").write_bytes(b"mine")
    if record is not None:
        (folder / "explanation.json").write_text(record)
    with pytest.raises(OutputError) as caught:
        write(folder, CAT, explained(HEAT), None)
    assert caught.value.code == "exists"


def test_a_record_cannot_make_us_delete_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "cat"
    write(folder, CAT, explained(HEAT), None)
    victim = tmp_path / "victim.png"
    victim.write_bytes(b"mine")
    record = json.loads((folder / "explanation.json").read_text())
    record["panels"][0]["artefacts"]["png"] = "../victim.png"
    (folder / "explanation.json").write_text(json.dumps(record))
    write(folder, CAT, explained(kernel_set()), None)
    assert victim.read_bytes() == b"mine"


def test_a_file_in_the_folders_place_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "cat").write_bytes(b"mine")
    with pytest.raises(OutputError) as caught:
        write(tmp_path / "cat", CAT, explained(HEAT), None)
    assert caught.value.code == "exists"
    assert (tmp_path / "cat").read_bytes() == b"mine"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    assert len(write(tmp_path / "cat", CAT, explained(HEAT), None)) == 3


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"a file where a folder should be")
    with pytest.raises(OutputError) as caught:
        write(tmp_path / "out" / "cat", CAT, explained(HEAT), None)
    assert caught.value.code == "read_only"


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "no_space"), (errno.EROFS, "read_only")]
)
def test_a_full_disk_leaves_no_half_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    written = []

    def fsync(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 2:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "fsync", fsync)
    with pytest.raises(OutputError) as caught:
        write(tmp_path / "cat", CAT, explained(HEAT), None)
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert write(tmp_path / "cat", CAT, explained(HEAT), None)


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    made = write(tmp_path / "cat", CAT, explained(HEAT), None)
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o644}
    assert stat.S_IMODE((tmp_path / "cat").stat().st_mode) == 0o755


def test_names_that_are_no_text_are_written_in_ascii(tmp_path: Path) -> None:
    source = file(os.fsdecode(b"/photos/\xff.jpg"))
    write(tmp_path / "x", source, explained(HEAT), None)
    record = (tmp_path / "x/explanation.json").read_bytes()
    assert record.isascii()
    assert json.loads(record)["source"] == source.location
