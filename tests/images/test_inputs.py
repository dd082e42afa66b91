"""What a person writes becomes the sources that were meant, lazily and whatever their names."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from petvision.errors import InputError
from petvision.images import door
from petvision.images.inputs import PHOTO_SUFFIXES, expand, source_of
from petvision.images.types import Source


def names(sources: Iterator[Source]) -> list[str]:
    return [source.label for source in sources]


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    (folder / "deeper" / "still").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name in ("b.JPG", "a.png", "notes.txt", ".thumb.jpg", "c[1].webp", "deeper/d.gif"):
        (folder / name).write_bytes(b"x")
    for name in ("deeper/still/e.heic", ".hidden/f.jpg"):
        (folder / name).write_bytes(b"x")
    return folder


def test_a_path_is_a_file_and_its_label_is_its_name() -> None:
    assert source_of("photos/tom.jpg") == Source("file", "photos/tom.jpg", "tom.jpg")


def test_an_address_is_a_url() -> None:
    for url in ("http://a.example/tom.jpg", "HTTPS://a.example/tom.jpg?x=1"):
        assert source_of(url) == Source("url", url, url)


def test_a_file_address_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "el niño [1] 50%.jpg"
    path.write_bytes(b"x")
    assert source_of(path.as_uri()).location == str(path)
    assert names(expand([path.as_uri()])) == ["el niño [1] 50%.jpg"]
    assert source_of("file:///tmp/caf%E9.jpg").location == "/tmp/" + os.fsdecode(b"caf\xe9.jpg")


def test_a_folder_gives_its_photos_sorted_and_nothing_hidden(album: Path) -> None:
    assert names(expand([str(album)])) == ["a.png", "b.JPG", "c[1].webp"]


def test_a_folder_within_is_entered_only_when_asked(album: Path) -> None:
    found = names(expand([str(album)], recursive=True))
    assert found == ["a.png", "b.JPG", "c[1].webp", "d.gif", "e.heic"]


def test_a_link_to_a_folder_is_not_followed_round_in_circles(album: Path) -> None:
    (album / "deeper" / "up").symlink_to(album)
    assert len(names(expand([str(album)], recursive=True))) == 5


def test_a_link_to_a_photo_is_a_photo(album: Path, tmp_path: Path) -> None:
    (album / "z.jpg").symlink_to(album / "a.png")
    assert names(expand([str(album)]))[-1] == "z.jpg"


def test_a_glob_gives_what_it_matches(album: Path) -> None:
    assert names(expand([f"{album}/*.png", f"{album}/b.*"])) == ["a.png", "b.JPG"]
    assert names(expand([f"{album}/**/*.gif"])) == ["d.gif"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(album: Path) -> None:
    path = album / "c[1].webp"
    assert [s.location for s in expand([str(path)])] == [str(path)]


def test_what_is_not_there_comes_out_and_says_so_when_it_is_loaded(tmp_path: Path) -> None:
    for text in ("gone.jpg", "gone*.jpg", "gone/"):
        (source,) = expand([str(tmp_path / text)])
        with pytest.raises(InputError) as caught:
            door.load(source)
        assert caught.value.code == "not_found"


def test_one_bad_input_does_not_stop_the_others(album: Path) -> None:
    found = names(expand([str(album / "gone.jpg"), "http://[bad", str(album / "a.png")]))
    assert found == ["gone.jpg", "http://[bad", "a.png"]


def test_a_dash_reads_paths_and_addresses_from_standard_input() -> None:
    lines = io.StringIO("photos/tom.jpg\r\n\nhttp://a.example/x.jpg\n[1].jpg")
    found = list(expand(["first.jpg", "-", "last.jpg"], stdin=lines))
    kinds = ["file", "file", "url", "file", "file"]
    assert [source.kind for source in found] == kinds
    assert found[1].location == "photos/tom.jpg"
    assert found[3].location == "[1].jpg"


def test_standard_input_need_not_be_text(tmp_path: Path) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"caf\xe9.jpg\nother.jpg\n"), encoding="utf-8")
    first, second = expand(["-"], stdin=stream)
    assert os.fsencode(first.location) == b"caf\xe9.jpg"
    assert first.label == "caf\ufffd.jpg"
    assert second.label == "other.jpg"


def test_standard_input_is_read_as_it_comes() -> None:
    def lines() -> Iterator[str]:
        yield "a.jpg\n"
        raise AssertionError("read ahead")

    assert next(expand(["-"], stdin=lines())).label == "a.jpg"  # type: ignore[arg-type]


def test_names_that_are_no_text_survive(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.png"
    with open(raw, "wb") as file:  # noqa: PTH123 - a name that is no text
        file.write(b"x")
    (source,) = expand([str(tmp_path)])
    assert os.fsencode(source.location) == raw
    assert source.label == "caf\ufffd.png"


def test_a_label_holds_no_control_characters() -> None:
    assert source_of("a\nb\x1b[31m.jpg").label == "a\ufffdb\ufffd[31m.jpg"


def test_a_folder_is_listed_only_when_its_turn_comes(tmp_path: Path) -> None:
    sources = expand([str(tmp_path / "a.jpg"), str(tmp_path)])
    next(sources)
    (tmp_path / "late.jpg").write_bytes(b"x")
    assert names(sources) == ["late.jpg"]


def test_the_suffixes_are_those_the_door_opens() -> None:
    from PIL import Image

    from petvision.images.formats import FORMATS

    known = {Image.registered_extensions().get(s) for s in PHOTO_SUFFIXES - {".hif"}}
    assert known == {*FORMATS, "MPO"}
    assert all(re.fullmatch(r"\.[a-z]+", suffix) for suffix in PHOTO_SUFFIXES)
