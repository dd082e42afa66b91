"""The Batch tab: a folder dropped on it becomes a table that is filtered, corrected and saved."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton

from petvision.app.batch import tasks
from petvision.app.batch.actions import SortDialog
from petvision.app.batch.gallery import Gallery
from petvision.app.batch.overview import Labels
from petvision.app.batch.page import BatchPage
from petvision.app.batch.table import TRUTH
from petvision.app.batch.work import run_folder_for
from petvision.app.incoming import Incoming
from petvision.app.window import Window
from petvision.batch.file import FILE
from petvision.batch.rows import Reader, summary_of
from petvision.batch.run import Plan, run
from petvision.batch.scan import Inputs
from petvision.events import result_of
from petvision.models.handle import ModelHandle, open_model
from tests.gui.steps import drop, files

LONG = 200_000  # a child imports torch first, and gives way to others


@pytest.fixture
def page(window: Window) -> BatchPage:
    found = window.show_tab("batch")
    assert isinstance(found, BatchPage)
    return found


@pytest.fixture
def folder(photo: Callable[..., Path]) -> Path:
    """Twelve photos, one of them broken."""
    for number in range(11):
        place = photo(f"{number:02}.png", number).parent
    (place / "11.png").write_bytes(b"")
    return place


@pytest.fixture(scope="module")
def handle(tiny_model: Path) -> ModelHandle:
    return open_model(tiny_model / "catdog-resnet101.safetensors")


@pytest.fixture
def finished(page: BatchPage, folder: Path, handle: ModelHandle, qtbot: Any) -> Iterator[BatchPage]:
    """A page with a run over the folder that came to its end before."""
    place = run_folder_for(folder)
    result_of(run(handle, Plan(Inputs((str(folder),))), place))
    assert page.take(Incoming(inputs=(str(place),)))
    qtbot.waitUntil(lambda: len(page.model.numbers) == 12, timeout=LONG)
    at_rest(page, qtbot)
    yield page
    at_rest(page, qtbot)


def at_rest(page: BatchPage, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not page.work.pool.busy and not page.working, timeout=LONG)


def test_a_dropped_folder_becomes_a_table(page: BatchPage, folder: Path, qtbot: Any):
    assert page.take(Incoming(inputs=(str(folder),)))
    with qtbot.waitSignal(page.work.done, timeout=LONG):
        assert page.working
    qtbot.waitUntil(lambda: len(page.model.numbers) == 12, timeout=LONG)
    at_rest(page, qtbot)
    finished, model = page, page.model
    assert finished.work.folder is not None
    assert (finished.work.folder / FILE).exists()
    assert model.rowCount() == 12
    texts = [model.index(11, column).data() for column in range(3)]
    assert texts == ["11.png", "Not readable", ""]
    assert finished.side.labels._buttons[""].text() == "All\t12"
    assert finished.run_bar.go.isVisible()
    assert not finished.run_bar.pause.isVisible()


def test_filters_choose_and_let_go(finished: BatchPage, qtbot: Any):
    with qtbot.waitSignal(finished.work.listed):
        finished.side.labels._buttons["!"].click()
    assert [finished.model.number_at(row) for row in range(finished.model.rowCount())] == [12]
    with qtbot.waitSignal(finished.work.listed):
        finished.filters.clear.click()
    with qtbot.waitSignal(finished.work.listed):
        QTest.keyClicks(finished.filters.text, "07")
    assert finished.model.rowCount() == 1
    assert finished.filters.count.text() == "1 of 12"


def test_one_key_reviews_and_the_correction_is_kept_with_its_time(finished: BatchPage, qtbot: Any):
    table = finished.table
    table.setFocus()
    finished.step(-finished.table.currentIndex().row())
    QTest.keyClick(table, Qt.Key.Key_C)
    QTest.keyClick(table, Qt.Key.Key_Space)
    QTest.keyClick(table, Qt.Key.Key_N)
    assert finished.model.index(1, TRUTH).data() == "Neither (by hand)"
    folder = finished.work.folder
    assert folder is not None
    qtbot.waitUntil(lambda: summary_of(folder).corrected == 2, timeout=LONG)
    with Reader(folder) as reader:
        first, second = reader.some([1, 2])
    assert (first.truth, second.truth) == ("cat", "neither")
    assert first.truth_made is not None
    at_rest(finished, qtbot)
    finished.step(-1)
    QTest.keyClick(table, Qt.Key.Key_Backspace)
    qtbot.waitUntil(lambda: summary_of(folder).corrected == 1, timeout=LONG)


def test_the_gallery_shows_the_same_choice(finished: BatchPage, qtbot: Any):
    finished.filters.gallery.click()
    gallery = finished.gallery
    assert isinstance(gallery, Gallery)
    middle = gallery.visualRect(finished.model.index(4, 0)).center()
    assert gallery.indexAt(middle).row() == 4
    QTest.mouseClick(gallery.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert finished.chosen() == [5]
    last = gallery.visualRect(finished.model.index(6, 0)).center()
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.mouseClick(gallery.viewport(), Qt.MouseButton.LeftButton, shift, last)
    assert finished.chosen() == [5, 6, 7]
    assert not gallery.indexAt(QPoint(10, 100_000)).isValid()
    QTest.keyClick(gallery, Qt.Key.Key_Home)
    assert finished.chosen() == [1]


def test_chosen_photos_are_dragged_out_as_files(finished: BatchPage, folder: Path):
    finished.table.selectAll()
    data = finished.model.mimeData(finished.table.selectedIndexes())
    assert len(data.urls()) == 12
    assert data.urls()[0].toLocalFile() == str(folder / "00.png")


def test_a_run_is_saved_with_its_corrections(finished: BatchPage, qtbot: Any):
    finished.say_truth("dog")
    at_rest(finished, qtbot)
    with qtbot.waitSignal(finished.work.done, timeout=LONG):
        finished.work.side_job("save", "--write", "csv")
    assert finished.work.folder is not None
    with (finished.work.folder / "predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert [row["final"] for row in rows].count("dog") >= 1


def test_the_photos_have_the_keys_when_a_button_goes(finished: BatchPage, qtbot: Any):
    finished.run_bar.explain.setFocus()
    with qtbot.waitSignal(finished.work.done, timeout=LONG):
        finished.work.side_job("save", "--write", "csv")
        assert finished.focusWidget() is finished.table


def test_enter_opens_the_photo_in_explain(finished: BatchPage, window: Window, qtbot: Any):
    QTest.keyClick(finished.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.session.photos.rowCount() == 1, timeout=LONG)
    assert window.tab == "explain"
    qtbot.waitUntil(lambda: not window.session.judging, timeout=LONG)


def test_a_run_is_paused_corrected_and_stopped(page: BatchPage, folder: Path, qtbot: Any):
    page.take(Incoming(inputs=(str(folder),)))
    page.work.order("pause")
    qtbot.waitUntil(lambda: page.work.paused, timeout=LONG)
    assert page.run_bar.pause.text() == "Go on"
    with qtbot.waitSignal(page.work.done, timeout=LONG):
        page.stop()
    at_rest(page, qtbot)
    assert not page.working


def test_a_correction_is_kept_though_the_window_closes_at_once(finished: BatchPage, window: Window):
    finished.say_truth("cat")
    finished.step(1)
    finished.say_truth("dog")
    folder = finished.work.folder
    window.close()
    assert folder is not None
    assert summary_of(folder).corrected == 2


def answer(box_button: str, qtbot: Any) -> Callable[[], list[str]]:
    """Press a button of the next question as soon as it is asked; returns what was asked."""
    asked: list[str] = []

    def press() -> None:
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            QTimer.singleShot(20, press)
            return
        asked.append(box.text())
        next(one for one in box.buttons() if box_button in one.text()).click()

    QTimer.singleShot(0, press)
    return lambda: asked


def test_closing_asks_what_becomes_of_a_run_at_work(
    page: BatchPage, window: Window, folder: Path, qtbot: Any
):
    page.take(Incoming(inputs=(str(folder),)))
    page.work.order("pause")
    qtbot.waitUntil(lambda: page.work.paused, timeout=LONG)
    asked = answer("Cancel", qtbot)
    window.close()
    assert asked() == ["photos - PetVision is not done yet."]
    assert window.isVisible()
    assert page.working
    answer("Stop it", qtbot)
    window.close()
    assert not window.isVisible()
    assert not page.working


def test_a_run_that_was_left_behind_is_followed(
    page: BatchPage, window: Window, folder: Path, make_window: Callable[[], Window], qtbot: Any
):
    page.take(Incoming(inputs=(str(folder),)))
    page.work.order("pause")
    qtbot.waitUntil(lambda: page.work.paused, timeout=LONG)
    answer("Let it go on", qtbot)
    window.close()
    later = make_window().show_tab("batch")
    assert isinstance(later, BatchPage)
    later.open_run(run_folder_for(folder))
    qtbot.waitUntil(lambda: len(later.model.numbers) == 12, timeout=LONG)
    qtbot.waitUntil(lambda: not later.work.elsewhere, timeout=LONG)
    at_rest(later, qtbot)
    assert summary_of(run_folder_for(folder)).failed == 1


def test_a_folder_of_many_photos_is_offered_to_the_batch_tab(
    window: Window, photo: Callable[..., Path], qtbot: Any
):
    for number in range(51):
        place = photo(f"{number:02}.png", number, (8, 6)).parent
    drop(window, files(place))
    qtbot.waitUntil(window.offer.isVisible, timeout=LONG)
    assert window.offer.text.startswith("51 photos")
    QTest.mouseClick(window.offer.take, Qt.MouseButton.LeftButton)
    page = window.page
    assert isinstance(page, BatchPage)
    assert not window.offer.isVisible()
    with qtbot.waitSignal(page.work.done, timeout=LONG):
        assert page.working
    qtbot.waitUntil(lambda: len(page.model.numbers) == 51, timeout=LONG)
    at_rest(page, qtbot)


def test_a_folder_of_folders_is_offered_to_the_batch_tab(
    window: Window, photo: Callable[..., Path], qtbot: Any
):
    place = photo("tom.png").parent.parent / "pets" / "cat"
    place.mkdir(parents=True)
    photo("tom.png").rename(place / "tom.png")
    drop(window, files(place.parent))
    qtbot.waitUntil(window.offer.isVisible, timeout=LONG)
    assert window.offer.text.startswith("There are no photos right in that")
    window.offer.close_button.click()
    assert not window.offer.isVisible()


def test_few_photos_are_offered_nothing(window: Window, folder: Path, qtbot: Any):
    with qtbot.waitSignal(window.session.listed, timeout=LONG):
        drop(window, files(folder))
    assert not window.offer.isVisible()


def test_what_sorting_would_do_is_shown_before_it_is_done(
    finished: BatchPage, window: Window, tmp_path: Path, qtbot: Any
):
    target = tmp_path / "sorted"
    (target / "cat").mkdir(parents=True)
    dialog = SortDialog(target, window)
    assert finished.work.folder is not None
    finished.work.in_pool(
        partial(tasks.dry_sort, finished.work.folder, target, None), dialog.show_dry_run
    )
    qtbot.waitUntil(lambda: "→" in dialog.dry_run.toPlainText(), timeout=LONG)
    said = dialog.dry_run.toPlainText()
    assert "1 photo into not readable" in said
    assert "11.png → not readable/11.png" in said
    assert [path.name for path in target.rglob("*")] == ["cat"]
    dialog.deleteLater()


def test_photos_alone_are_not_taken(page: BatchPage, photo: Callable[..., Path]):
    assert not page.take(Incoming(inputs=(str(photo("tom.png")),)))


def test_a_folder_without_a_run_says_so(page: BatchPage, tmp_path: Path, qtbot: Any):
    (tmp_path / FILE).write_bytes(b"no database at all" * 20)
    page.open_run(tmp_path)
    qtbot.waitUntil(page.message.isVisible, timeout=LONG)
    assert "not PetVision's" in page.message.text()


def test_verdicts_stand_in_the_order_they_are_counted_in(qtbot: Any) -> None:
    labels = Labels()
    qtbot.addWidget(labels)
    labels.show_counts({"": 9, "dog": 4, "cat": 3, "fox": 1}, "")
    labels.show_counts({"": 12, "cat": 6, "dog": 4, "fox": 1, "!": 1}, "cat")
    shown = [button.text().partition("\t")[0] for button in labels.findChildren(QPushButton)]
    assert shown == ["All", "Dog", "Cat", "Fox", "Not readable"]
