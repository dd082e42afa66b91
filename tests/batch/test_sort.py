"""Sorting never deletes or overwrites, and undo restores the former tree exactly."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from petvision.batch import sort as sorting
from petvision.batch.run import Plan, run
from petvision.batch.scan import Inputs
from petvision.batch.sort import UNDO, sort_into, undo
from petvision.batch.store import Store
from petvision.errors import InputError, OutputError
from petvision.events import result_of


@pytest.fixture
def folder(handle, make_photos, tmp_path: Path) -> Path:
    """A run of two folders with photos of the same names; one is broken, all else are cats."""
    make_photos(tmp_path / "a" / "below", 2)
    make_photos(tmp_path / "b" / "below", 2, first=1)
    (tmp_path / "b" / "below" / "0002.png").write_bytes(b"")
    places = (str(tmp_path / "a"), str(tmp_path / "b"))
    result_of(run(handle, Plan(Inputs(places)), tmp_path / "run"))
    with closing(Store(tmp_path / "run")) as store:
        store.set_truth([1, 2, 3, 4], "cat")
        store.finish()
    return tmp_path / "run"


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.name != UNDO
    }


@pytest.mark.parametrize("how", ["copy", "hardlink", "symlink"])
def test_photos_keep_their_folders_clashes_get_numbers_and_undo_restores(
    folder: Path, tmp_path: Path, how
):
    target = tmp_path / "sorted"
    taken = target / "cat" / "below" / "0000.png"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"mine")
    before, photos = tree(target), tree(tmp_path / "a")
    done = result_of(sort_into(folder, target, how))
    assert done.failed == ()
    assert done.counts == {"cat": 3, "not readable": 1}
    assert done.renamed == 2
    found = tree(target)
    assert found["cat/below/0000.png"] == b"mine"
    assert found["cat/below/0000-2.png"] == photos["below/0000.png"]
    assert found["cat/below/0001-2.png"] == (tmp_path / "b" / "below" / "0001.png").read_bytes()
    assert (target / "cat/below/0001.png").is_symlink() == (how == "symlink")
    taken_back = result_of(undo(target / UNDO))
    assert (taken_back.removed, taken_back.kept) == (4, ())
    assert tree(target) == before
    assert not (target / UNDO).exists()
    assert tree(tmp_path / "a") == photos


def test_undo_removes_the_folders_that_sorting_made(folder: Path, tmp_path: Path):
    result_of(sort_into(folder, tmp_path / "new" / "sorted"))
    result_of(undo(tmp_path / "new" / "sorted" / UNDO))
    assert not (tmp_path / "new").exists()


def test_a_dry_run_says_the_same_and_makes_nothing(folder: Path, tmp_path: Path):
    target = tmp_path / "sorted"
    dry = result_of(sort_into(folder, target, dry=True))
    assert not target.exists()
    assert len(dry.steps) == 4
    assert len({step.target for step in dry.steps}) == 4
    done = result_of(sort_into(folder, target))
    assert (done.counts, done.renamed) == (dry.counts, dry.renamed)
    assert all(step.target.exists() for step in dry.steps)


def test_what_was_changed_since_stays(folder: Path, tmp_path: Path):
    target = tmp_path / "sorted"
    result_of(sort_into(folder, target))
    changed = target / "cat" / "below" / "0000.png"
    changed.write_bytes(b"edited")
    done = result_of(undo(target / UNDO))
    assert done.removed == 3
    assert done.kept == (str(changed),)
    assert changed.read_bytes() == b"edited"
    assert (target / UNDO).exists()


def test_a_crash_half_way_can_be_taken_back(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def dies(source: Path, target: Path, how: str) -> dict[str, object]:
        target.write_bytes(source.read_bytes()[:50])
        raise KeyboardInterrupt

    monkeypatch.setattr(sorting, "_make", dies)
    with pytest.raises(KeyboardInterrupt):
        result_of(sort_into(folder, tmp_path / "sorted"))
    with (tmp_path / "sorted" / UNDO).open("a") as file:
        file.write('{"file": "/et')
    done = result_of(undo(tmp_path / "sorted" / UNDO))
    assert (done.removed, done.kept) == (1, ())
    assert not (tmp_path / "sorted").exists()


def test_a_photo_that_is_gone_fails_alone(folder: Path, tmp_path: Path):
    (tmp_path / "a" / "below" / "0000.png").unlink()
    done = result_of(sort_into(folder, tmp_path / "sorted"))
    (failed,) = done.failed
    assert isinstance(failed, InputError)
    assert sum(done.counts.values()) == 3


def test_a_hard_link_to_another_drive_is_told(folder: Path, tmp_path: Path):
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other drive here")
    target = shm / f"petvision-test-{os.getpid()}"
    done = result_of(sort_into(folder, target, "hardlink"))
    assert done.counts == {}
    assert "another drive" in str(done.failed[0])
    result_of(undo(target / UNDO))
    assert not target.exists()


def test_a_place_that_cannot_be_written_is_one_sentence(folder: Path, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError) as refused:
        result_of(sort_into(folder, tmp_path / "file"))
    assert refused.value.code == "read_only"
