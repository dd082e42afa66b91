"""A run from photos to rows: it resumes, stops, pauses, and counts what it did."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from petvision.batch.rows import Reader, Row, summary_of
from petvision.batch.run import Order, Plan, Run, Status
from petvision.batch.scan import Inputs
from petvision.batch.store import Store
from petvision.batch.truth import Truths, read_table
from petvision.errors import ConfigError
from petvision.events import Partial, Result, result_of
from petvision.images.prepare import open_prepared
from petvision.images.types import Source
from petvision.models.engine import with_fast_engine
from petvision.models.engines.torch_engine import use_threads
from petvision.models.handle import ModelHandle
from petvision.models.predict import predict
from petvision.models.stream import MANY


@pytest.fixture
def work(handle: ModelHandle, tmp_path: Path):
    """Run over a folder into ``tmp_path/run``, and return the last status."""

    def do(folder: Path, **how: object) -> Status:
        plan = Plan(Inputs((str(folder),)), batch=4, **how)
        (tmp_path / "run").mkdir(exist_ok=True)
        with closing(Store(tmp_path / "run")) as store:
            return result_of(Run(handle, plan, store).events())

    return do


def rows(tmp_path: Path) -> list[Row]:
    with Reader(tmp_path / "run") as reader:
        return list(reader.rows())


def test_every_photo_gets_the_answer_it_gets_alone(work, make_photos, handle, tmp_path):
    photos = make_photos(tmp_path / "photos", 9)
    status = work(tmp_path / "photos")
    assert (status.phase, status.done, status.total, status.fresh) == ("finished", 9, 9, 9)
    found = rows(tmp_path)
    assert [row.location for row in found] == [str(path) for path in photos]
    for row in found:
        prepared = open_prepared(Source("file", row.location, ""), handle.spec)
        (alone,) = predict(handle, [prepared])
        assert row.answer is not None
        assert row.answer.scores == pytest.approx(dict(alone.scores), abs=1e-5)
        assert row.sha256 == alone.image.sha256


@pytest.mark.skipif(use_threads() == 1, reason="one thread has one lane")
def test_many_photos_are_answered_in_lanes(handle, make_photos, tmp_path):
    make_photos(tmp_path / "photos", MANY + 50)
    fast = with_fast_engine(handle, "openvino-fp32")
    plan = Plan(Inputs((str(tmp_path / "photos"),)))
    (tmp_path / "run").mkdir()
    with closing(Store(tmp_path / "run")) as store:
        job = Run(fast, plan, store)
        lanes = {event.value.fresh: job._handle.engine.lanes for event in job.events()}
    assert lanes[MANY] == use_threads()
    assert all(count == 1 for fresh, count in lanes.items() if fresh < MANY)
    assert max(lanes) == MANY + 50


def test_a_broken_photo_is_a_row_of_its_own_and_the_rest_goes_on(work, make_photos, tmp_path):
    make_photos(tmp_path / "photos", 5)
    (tmp_path / "photos" / "0002.png").write_bytes(b"")
    status = work(tmp_path / "photos")
    assert (status.done, status.failed) == (5, 1)
    (broken,) = [row for row in rows(tmp_path) if row.failed]
    assert broken.failed.code == "unreadable"


def test_a_second_run_does_only_what_is_new_or_changed(work, make_photos, tmp_path):
    photos = make_photos(tmp_path / "photos", 6)
    work(tmp_path / "photos")
    assert work(tmp_path / "photos").fresh == 0
    make_photos(tmp_path / "photos", 2, first=6)
    shutil.copyfile(photos[1], photos[0])
    os.utime(photos[0], ns=(1, 1))
    status = work(tmp_path / "photos")
    assert (status.fresh, status.done, status.total) == (3, 8, 8)
    assert len(rows(tmp_path)) == 8


def test_stopping_ends_within_a_batch_and_keeps_what_was_done(handle, make_photos, work, tmp_path):
    make_photos(tmp_path / "photos", 40)
    (tmp_path / "run").mkdir()
    with closing(Store(tmp_path / "run")) as store:
        run = Run(handle, Plan(Inputs((str(tmp_path / "photos"),)), batch=4), store)
        run.orders.put(Order("stop"))
        status = result_of(run.events())
    assert status.phase == "stopped"
    with Reader(tmp_path / "run") as reader:
        assert reader.finished() is None
    assert work(tmp_path / "photos").done == 40
    assert len(rows(tmp_path)) == 40


def test_closing_the_job_keeps_what_was_answered(handle, make_photos, work, tmp_path):
    make_photos(tmp_path / "photos", 40)
    (tmp_path / "run").mkdir()
    with closing(Store(tmp_path / "run")) as store:
        events = Run(handle, Plan(Inputs((str(tmp_path / "photos"),)), batch=4), store).events()
        for event in events:
            if isinstance(event, Partial) and event.value.fresh:
                break
        events.close()
    kept = len(rows(tmp_path))
    assert kept >= event.value.fresh
    assert work(tmp_path / "photos").fresh == 40 - kept


def test_a_paused_run_waits_takes_corrections_and_goes_on(handle, make_photos, tmp_path):
    make_photos(tmp_path / "photos", 8)
    (tmp_path / "run").mkdir()
    with closing(Store(tmp_path / "run")) as store:
        run = Run(handle, Plan(Inputs((str(tmp_path / "photos"),)), batch=4), store)
        run.orders.put(Order("pause"))
        phases = []
        for event in run.events():
            phases.append(event.value.phase)
            if event.value.phase == "paused" and phases.count("paused") == 2:
                run.orders.put(Order("truth", (1,), "cat"))
                run.orders.put(Order("go"))
    assert phases[-1] == "finished"
    assert rows(tmp_path)[0].truth == "cat"


def test_the_same_photo_twice_is_answered_once(handle, make_photos, tmp_path):
    (photo,) = make_photos(tmp_path / "photos", 1)
    listing = tmp_path / "list.txt"
    listing.write_text(f"{photo}\n{photo}\n")
    (tmp_path / "run").mkdir()
    with closing(Store(tmp_path / "run")) as store:
        plan = Plan(Inputs((str(listing),)))
        status = result_of(Run(handle, plan, store).events())
    assert (status.fresh, status.done) == (1, 2)


def test_truths_come_from_the_folders_names(work, make_photos, tmp_path):
    make_photos(tmp_path / "photos" / "Cats" / "kittens", 2)
    make_photos(tmp_path / "photos" / "dog", 1)
    make_photos(tmp_path / "photos" / "other", 1)
    work(tmp_path / "photos")
    assert summary_of(tmp_path / "run").known == 0
    roots = (str(tmp_path / "photos"),)
    work(tmp_path / "photos", truths=Truths(("cat", "dog"), roots=roots))
    found = {Path(row.location).parent.name: (row.truth, row.truth_by) for row in rows(tmp_path)}
    assert found == {
        "kittens": ("cat", "folders"),
        "dog": ("dog", "folders"),
        "other": ("neither", "folders"),
    }


def test_folders_above_the_named_one_say_nothing():
    truths = Truths(("cat", "dog"), roots=("/home/cat/other/photos",))
    assert truths.of(b"/home/cat/other/photos/holiday/1.jpg") is None
    assert truths.of(b"/home/cat/other/photos/dogs/holiday/1.jpg") == "dog"
    assert Truths(("cat", "dog"), roots=("/home/dog/cats",)).of(b"/home/dog/cats/1.jpg") == "cat"
    assert truths.of(b"/elsewhere/dog/1.jpg") == "dog"  # named one by one: its own folder
    assert truths.of(b"/elsewhere/dog/holiday/1.jpg") is None


def test_truths_come_from_a_table(work, make_photos, tmp_path):
    photos = make_photos(tmp_path / "photos", 3)
    table = tmp_path / "truth.csv"
    table.write_text(f"Path;Truth\nphotos/0000.png;cat\n{photos[1]};Dogs\nphotos/0002.png;\n")
    work(tmp_path / "photos", truths=read_table(table, ("cat", "dog")))
    assert [row.truth for row in rows(tmp_path)] == ["cat", "dog", None]


def test_a_table_with_a_strange_label_names_its_line(tmp_path):
    table = tmp_path / "truth.csv"
    table.write_text("path,label\na.jpg,cat\nb.jpg,horse\n")
    with pytest.raises(ConfigError, match="line 3 must be one of cat, dog or neither, not horse"):
        read_table(table, ("cat", "dog"))


def test_a_run_that_watches_ends_only_when_it_is_told(handle, make_photos, tmp_path):
    for photo in make_photos(tmp_path / "photos", 2):
        os.utime(photo, (1, 1))
    (tmp_path / "run").mkdir()
    with closing(Store(tmp_path / "run")) as store:
        run = Run(handle, Plan(Inputs((str(tmp_path / "photos"),)), watching=True), store)
        later = False
        for event in run.events():
            if event.value.phase == "watching" and not later:
                later = True
                for photo in make_photos(tmp_path / "photos", 1, first=2):
                    os.utime(photo, (1, 1))
            if event.value.fresh == 3:
                run.orders.put(Order("stop"))
    assert isinstance(event, Result)
    assert event.value.phase == "stopped"
    assert len(rows(tmp_path)) == 3
