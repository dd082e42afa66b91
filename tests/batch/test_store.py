"""The store: what is there is wholly there, and a wrong store is refused with a sentence."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from petvision.batch.file import FILE, Identity, identity_of, on_network
from petvision.batch.rows import Reader, summary_of
from petvision.batch.scan import Found
from petvision.batch.store import FOLDERS, Outcome, Store
from petvision.errors import InputError, OutputError
from petvision.images.types import ImageFacts, Milliseconds, Note, Source
from petvision.lock import FolderLock, is_running
from petvision.models.results import ModelIdentity, Prediction

WHO = Identity("tiny", "ab" * 32, "torch-fp32", "{}", 0.5, ("cat", "dog"))


def found(name: str, size: int | None = 10, mtime_ns: int | None = 5) -> Found:
    place = f"/photos/{name}"
    return Found(Source("file", place, name), os.fsencode(place), size, mtime_ns)


def answered(name: str, cat: float = 0.75, *, unknown: bool = False) -> Outcome:
    scores = {"cat": cat, "dog": 1 - cat}
    best = max(scores, key=scores.__getitem__)
    prediction = Prediction(
        label="unknown" if unknown else best,
        scores=scores,
        logits=(1.0, 0.0),
        confidence=max(scores.values()),
        unknown=unknown,
        unknown_score=0.25,
        unknown_threshold=0.5,
        model=ModelIdentity("tiny", "ab" * 32),
        image=ImageFacts(40, 30, "JPEG", "cd" * 32, (Note("rotated", "rotated by EXIF"),)),
        engine="torch-fp32",
        ms=Milliseconds(1.0, 2.0, 3.0, 4.0),
    )
    return Outcome(found(name), prediction, None)


def failed(name: str, code: str = "unreadable") -> Outcome:
    parameters = {"unreadable": {"reason": "is empty"}, "not_found": {"remedy": "Look."}}[code]
    size = None if code == "not_found" else 10
    return Outcome(found(name, size, size and 5), None, InputError(code, name, **parameters))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as opened:
        opened.begin(WHO, ["/photos"])
        yield opened


def test_a_row_comes_back_as_it_went_in(store: Store, tmp_path: Path):
    store.write([answered("tom.jpg"), failed("gone.jpg")])
    with Reader(tmp_path) as reader:
        tom, gone = reader.rows()
    assert tom.location == "/photos/tom.jpg"
    assert tom.answer is not None
    assert dict(tom.answer.scores) == {"cat": 0.75, "dog": 0.25}
    assert tom.answer.notes == ("rotated by EXIF",)
    assert tom.answer.ms == {"read": 1.0, "decode": 2.0, "prepare": 3.0, "compute": 4.0}
    assert gone.failed is not None
    assert gone.failed.message == "gone.jpg is empty."


def test_an_item_is_settled_until_its_size_or_time_changes(store: Store):
    store.write([answered("tom.jpg")])
    assert store.settled(found("tom.jpg"))
    assert not store.settled(found("tom.jpg", size=11))
    assert not store.settled(found("tom.jpg", mtime_ns=6))
    assert not store.settled(found("new.jpg"))


def test_what_was_out_of_reach_is_tried_again_what_is_broken_is_not(store: Store):
    store.write([failed("broken.jpg"), failed("gone.jpg", "not_found")])
    assert store.settled(found("broken.jpg"))
    assert not store.settled(found("broken.jpg"), retry=True)
    assert not store.settled(found("gone.jpg", None, None))


def test_a_changed_photo_takes_its_old_rows_place(store: Store, tmp_path: Path):
    store.write([failed("tom.jpg")])
    store.write([answered("tom.jpg")])
    with Reader(tmp_path) as reader:
        (row,) = reader.rows()
    assert row.failed is None
    assert row.answer is not None


def test_another_model_engine_threshold_is_refused_with_what_differs(store: Store, tmp_path: Path):
    for change, words in (
        ({"model_sha256": "00" * 32}, "with the model tiny (abababababab)"),
        ({"engine": "openvino-bf16"}, "on the engine torch-fp32"),
        ({"preprocessing": "other"}, "prepared in another way"),
        ({"threshold": None}, "--unknown 0.5"),
    ):
        other = {name: getattr(WHO, name) for name in Identity.__slots__} | change
        with pytest.raises(OutputError) as refused:
            store.begin(Identity(**other), [])
        assert refused.value.code == "exists"
        assert words in str(refused.value)
    assert identity_of(tmp_path) == WHO


def test_a_person_is_never_overruled_and_every_correction_is_kept(store: Store, tmp_path: Path):
    store.write([answered("tom.jpg")])
    assert store.set_truth([1], "dog") == 1
    assert store.set_truth([1], "cat") == 1
    assert store.set_truth([1], "dog", FOLDERS) == 0
    with Reader(tmp_path) as reader:
        (row,) = reader.rows()
    assert (row.truth, row.truth_by, row.right) == ("cat", "person", True)
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        told = db.execute("SELECT label, made_by FROM truth ORDER BY id").fetchall()
    assert told == [("dog", "person"), ("cat", "person")]
    assert store.set_truth([1], None) == 1
    assert store.set_truth([99], "cat") == 0


def test_the_summary_counts_verdicts_truths_and_refusals(store: Store, tmp_path: Path):
    store.write([answered("a", 0.9), answered("b", 0.8), answered("c", 0.1), failed("d")])
    store.write([answered("e", 0.6, unknown=True)])
    store.set_truths([(1, "cat"), (2, "dog"), (3, "dog"), (5, "neither")], FOLDERS)
    summary = summary_of(tmp_path)
    assert (summary.items, summary.failed, summary.unknown) == (5, 1, 1)
    assert dict(summary.labels) == {"cat": 2, "dog": 1, "unknown": 1}
    assert summary.accuracy == pytest.approx(2 / 3)
    assert (summary.known, summary.neither, summary.neither_refused) == (3, 1, 1.0)


def test_a_finished_store_is_one_file_that_opens_from_a_folder_that_cannot_be_written(
    store: Store, tmp_path: Path
):
    store.write([answered("tom.jpg")])
    assert (tmp_path / f"{FILE}-wal").exists()
    store.finish()
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    copy = tmp_path.parent / "copy"
    shutil.copytree(tmp_path, copy)
    copy.chmod(0o555)
    try:
        assert summary_of(copy).items == 1
    finally:
        copy.chmod(0o755)


def test_something_else_of_that_name_is_refused_and_left_alone(tmp_path: Path):
    (tmp_path / FILE).write_bytes(b"my diary" * 100)
    with pytest.raises(OutputError, match="not PetVision's") as refused:
        Store(tmp_path)
    assert refused.value.code == "exists"
    assert (tmp_path / FILE).read_bytes() == b"my diary" * 100


def test_a_newer_programs_store_is_refused(store: Store, tmp_path: Path):
    store.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(OutputError, match="newer PetVision"):
        Store(tmp_path)


def test_another_programs_database_is_refused(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.execute("CREATE TABLE diary (day TEXT)")
    with pytest.raises(OutputError, match="not PetVision's"):
        Store(tmp_path)


def test_a_full_disk_is_one_sentence_and_the_store_stays_valid(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        with closing(Store(disk)) as store:
            store.begin(WHO, [])
            kept, refused = fill(store)
        assert refused.code == "no_space"
        assert kept > 50
        shutil.copytree(disk, tmp_path / "copy")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    with closing(sqlite3.connect(tmp_path / "copy" / FILE)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM prediction").fetchone() == (kept,)


def fill(store: Store) -> tuple[int, OutputError]:
    for number in range(100_000):
        try:
            store.write([answered(f"{number}.jpg")])
        except OutputError as error:
            return number, error
    raise AssertionError("this disk is never full")


def test_one_run_at_a_time(tmp_path: Path):
    lock = FolderLock(tmp_path)
    assert is_running(tmp_path)
    with pytest.raises(OutputError, match="another run is at work"):
        FolderLock(tmp_path)
    lock.release()
    assert not is_running(tmp_path)
    FolderLock(tmp_path).release()


def test_a_network_drive_is_known_by_its_mount(tmp_path: Path):
    mounts = f"dev / ext4 rw 0 0\nserver:/home {tmp_path}/far nfs4 rw 0 0\n"
    assert on_network(tmp_path / "far" / "run" / FILE, mounts)
    assert not on_network(tmp_path / "near" / FILE, mounts)
    assert not on_network(tmp_path / "farther" / FILE, mounts)
