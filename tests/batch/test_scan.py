"""Folders, lists, patterns: which photos a run comes upon, and when."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

import pytest

from petvision.batch import scan as scanning
from petvision.batch.scan import Inputs, count, found_of, scan, watch
from petvision.images.inputs import source_of


def names(inputs: Inputs) -> list[str]:
    return [Path(found.source.location).name for found in scan(inputs) if found is not None]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.jpg", "notes.txt", ".hidden.jpg", "cats/c.png", "cats/kits/d.webp"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))
    return tmp_path / "tree"


def test_a_folder_gives_its_photos_and_those_below(tree: Path):
    assert names(Inputs((str(tree),))) == ["a.jpg", "b.jpg", "c.png", "d.webp"]
    assert names(Inputs((str(tree),), recursive=False)) == ["a.jpg", "b.jpg"]


def test_size_and_time_of_a_photo_are_known(tree: Path):
    (first, *_) = scan(Inputs((str(tree),)))
    assert first is not None
    facts = (tree / "a.jpg").stat()
    assert (first.size, first.mtime_ns) == (facts.st_size, facts.st_mtime_ns)
    assert first.key == os.fsencode(tree / "a.jpg")


def test_a_list_names_photos_folders_and_addresses(tree: Path, tmp_path: Path):
    listing = tmp_path / "list.txt"
    lines = [str(tree / "b.jpg"), "", str(tree / "cats"), "https://example.org/tom.jpg", "gone.png"]
    listing.write_text("\r\n".join(lines))
    found = [f for f in scan(Inputs((str(listing),))) if f is not None]
    shown = [Path(f.source.location).name for f in found]
    assert shown == ["b.jpg", "c.png", "d.webp", "tom.jpg", "gone.png"]
    assert found[3].key == b"https://example.org/tom.jpg"
    assert found[4].size is None


def test_standard_input_may_pause(tree: Path):
    lines = iter([str(tree / "a.jpg"), None, str(tree / "b.jpg")])
    found = list(scan(Inputs(("-",), lines=lines)))
    assert [f and f.source.label for f in found] == ["a.jpg", None, "b.jpg"]


def test_names_that_are_no_text_keep_their_bytes(tmp_path: Path):
    name = b"tom\xff.jpg"
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system only takes names that are text")
    (found,) = scan(Inputs((str(tmp_path),)))
    assert found is not None
    assert found.key.endswith(name)


def test_what_the_skip_list_names_is_left_out(tree: Path, tmp_path: Path):
    listing = tmp_path / "skip.txt"
    listing.write_text(f"# thumbnails\n*.png\n{tree / 'a.jpg'}\n")
    patterns = scanning.read_patterns(listing)
    assert names(Inputs((str(tree),), skip=patterns)) == ["b.jpg", "d.webp"]


def test_the_runs_own_folder_is_never_entered(tree: Path):
    assert "c.png" not in names(Inputs((str(tree),), avoid=(str(tree / "cats"),)))


def test_a_folder_that_is_not_there_comes_out_itself(tmp_path: Path):
    (found,) = scan(Inputs((str(tmp_path / "gone"),)))
    assert found is not None
    assert found.size is None


def test_photos_are_counted_a_few_at_a_time(tree: Path):
    assert list(count(Inputs((str(tree), "-")), every=3)) == [3, 4, 4]


def test_the_first_of_many_entries_comes_before_all_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for number in range(50):
        (tmp_path / f"{number}.jpg").touch()
    monkeypatch.setattr(scanning, "CHUNK", 10)
    seen = 0

    class Counted:
        def __init__(self, entries):
            self.entries = entries

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.entries.close()

        def __iter__(self):
            return self

        def __next__(self):
            nonlocal seen
            seen += 1
            return next(self.entries)

    listed = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: Counted(listed(folder)))
    next(iter(scan(Inputs((str(tmp_path),)))))
    assert seen == 10


def test_watching_finds_what_appears_later_once_it_has_settled(tree: Path):
    long_ago = time.time() - 60
    for path in tree.rglob("*.*"):
        os.utime(path, (long_ago, long_ago))
    watching = watch(Inputs((str(tree),)), wait_s=0)
    assert len([next(watching) for _ in range(4)]) == 4
    (tree / "new.jpg").write_bytes(b"growing")
    again = list(itertools.islice(watching, 4))
    assert "new.jpg" not in [f.source.label for f in again if f]
    os.utime(tree / "new.jpg", (long_ago, long_ago))
    found = [f.source.label for f in itertools.islice(watching, 12) if f]
    assert "new.jpg" in found


def test_a_relative_path_and_its_absolute_one_are_one_item(
    tree: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tree)
    assert found_of(source_of("a.jpg")).key == found_of(source_of(str(tree / "a.jpg"))).key
