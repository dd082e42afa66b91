"""The main job, from the drop to the last panel, in a real window with a real (tiny) network."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QSpinBox, QToolButton

from petvision.app.incoming import Incoming
from petvision.app.settings import Settings
from petvision.app.window import Window
from petvision.images.types import Source
from tests.gui.steps import WAIT_MS, drop, files, finished, judged

MakePhoto = Callable[..., Path]
MakeWindow = Callable[[], Window]


def wait(qtbot: Any, condition: Callable[[], bool]) -> None:
    qtbot.waitUntil(condition, timeout=WAIT_MS)


def labels(window: Window) -> list[str]:
    model = window.session.photos
    photos = [model.photo(row) for row in range(model.rowCount())]
    return [photo.source.label for photo in photos if photo is not None]


def test_a_dropped_photo_gets_its_verdict_and_all_five_panels(
    qtbot: Any, window: Window, photo: MakePhoto
):
    drop(window, files(photo("tom.jpg")))
    wait(qtbot, lambda: finished(window))
    session = window.session
    assert session.current is not None
    assert session.current.prediction is not None
    assert window.view.currentIndex() == window.view.indexOf(window.view.results)
    assert list(session.explanations.panels) == [
        "gradcam",
        "integrated_gradients",
        "occlusion",
        "feature_maps",
        "kernels",
    ]
    wait(qtbot, lambda: all(p.drawn for p in window.view.grid.panels.values()))
    assert session.display is not None
    assert window.windowTitle().startswith("tom.jpg")
    assert window.status.text.endswith("is ready")


def test_several_photos_and_a_folder_land_in_the_list_and_the_first_one_is_in_view(
    qtbot: Any, window: Window, photo: MakePhoto
):
    one = photo("one.jpg")
    folder = one.parent / "more"
    folder.mkdir()
    for name in ("b.png", "a.png"):
        photo(name).rename(folder / name)
    (folder / "notes.txt").write_text("no photo")
    drop(window, files(one, folder))
    wait(qtbot, lambda: len(labels(window)) == 3)
    assert labels(window) == ["one.jpg", "a.png", "b.png"]
    wait(qtbot, lambda: judged(window))
    assert window.session.current is window.column.current
    assert window.session.current is window.session.photos.photo(0)


def test_every_photo_seen_in_the_list_gets_its_badge(qtbot: Any, window: Window, photo: MakePhoto):
    drop(window, files(*(photo(f"{n}.jpg", seed=n) for n in range(3))))
    model = window.session.photos
    wait(qtbot, lambda: model.rowCount() == 3)
    wait(qtbot, lambda: all(model.photo(row).prediction is not None for row in range(3)))
    assert all("%" in model.photo(row).badge for row in range(3))


def test_a_photo_that_is_open_is_not_opened_twice(qtbot: Any, window: Window, photo: MakePhoto):
    first, second = photo("a.jpg"), photo("b.jpg")
    drop(window, files(first, second))
    wait(qtbot, lambda: judged(window))
    drop(window, files(second))
    wait(qtbot, lambda: window.session.current is window.session.photos.photo(1))
    assert labels(window) == ["a.jpg", "b.jpg"]


def test_a_broken_photo_says_so_in_its_place_and_the_rest_goes_on(
    qtbot: Any, window: Window, photo: MakePhoto
):
    good = photo("good.jpg")
    broken = photo("broken.jpg", size=(400, 300))
    broken.write_bytes(broken.read_bytes()[:2000])
    drop(window, files(broken, good))
    session = window.session
    wait(qtbot, lambda: session.current is not None and session.current.error is not None)
    assert window.view.currentWidget() is window.view.trouble
    assert "broken.jpg" in window.view.trouble.accessibleName()
    assert session.photos.photo(0).badge == "Cannot be opened"
    window.column.step(1)
    wait(qtbot, lambda: finished(window))
    assert window.view.currentWidget() is window.view.results


def test_what_is_not_there_says_so_and_can_be_tried_again(
    qtbot: Any, window: Window, photo: MakePhoto
):
    path = photo("late.jpg")
    data = path.read_bytes()
    path.unlink()
    drop(window, files(path))
    session = window.session
    wait(qtbot, lambda: session.current is not None and session.current.error is not None)
    path.write_bytes(data)
    window.view.trouble.again.emit()
    wait(qtbot, lambda: judged(window))


def test_a_photo_that_changed_on_disk_is_read_anew(qtbot: Any, window: Window, photo: MakePhoto):
    first, second = photo("a.jpg", seed=1), photo("b.jpg", seed=2)
    drop(window, files(first, second))
    wait(qtbot, lambda: judged(window))
    before = window.session.current.prediction.image.sha256
    window.column.step(1)
    wait(qtbot, lambda: judged(window))
    photo("a.jpg", seed=3, size=(120, 80))
    window.column.step(-1)
    wait(
        qtbot,
        lambda: judged(window) and window.session.current.prediction.image.sha256 != before,
    )
    assert window.session.current.prediction.image.width == 120


def test_fifty_drops_end_with_the_last_photos_results(qtbot: Any, window: Window, photo: MakePhoto):
    wait(qtbot, lambda: window.session.handle is not None)
    paths = [photo(f"{number:02}.png", seed=number) for number in range(50)]
    for path in paths:
        drop(window, files(path))
        QApplication.processEvents()
    session = window.session
    wait(qtbot, lambda: len(labels(window)) == 50 and finished(window))
    assert session.current.source.label == "49.png"
    digest = session.current.prediction.image.sha256
    for panel in session.explanations.panels.values():
        assert panel.explanation.provenance.image_sha256 == digest
    wait(qtbot, lambda: not session.working)


def test_results_of_a_photo_seen_before_are_there_at_once(
    qtbot: Any, window: Window, photo: MakePhoto
):
    drop(window, files(photo("a.jpg", seed=1), photo("b.jpg", seed=2)))
    wait(qtbot, lambda: finished(window))
    before = [panel.explanation for panel in window.session.explanations.panels.values()]
    window.column.step(1)
    wait(qtbot, lambda: window.session.current.source.label == "b.jpg" and finished(window))
    window.column.step(-1)
    assert finished(window)
    after = [panel.explanation for panel in window.session.explanations.panels.values()]
    assert all(one is other for one, other in zip(before, after, strict=True))


def test_cancel_stops_the_work_and_a_panel_can_be_run_again(
    qtbot: Any, window: Window, photo: MakePhoto
):
    drop(window, files(photo("a.jpg")))
    wait(qtbot, lambda: bool(window.session.explanations.working))
    panels = window.session.explanations.panels
    window.status.cancel.click()
    assert not window.session.working
    stopped = [name for name, panel in panels.items() if panel.status == "stopped"]
    assert stopped
    window.view.grid.wanted.emit(stopped[0], "run")
    wait(qtbot, lambda: panels[stopped[0]].status == "done")
    assert all(panels[name].status == "stopped" for name in stopped[1:])


def test_closing_in_the_middle_of_the_work_is_clean(qtbot: Any, window: Window, photo: MakePhoto):
    drop(window, files(*(photo(f"{n}.jpg", seed=n) for n in range(10))))
    wait(qtbot, lambda: bool(window.session.explanations.working))
    window.close()  # the leak alarm looks for what is left


def test_closing_before_the_model_is_open_is_clean(window: Window):
    window.close()


def test_another_class_is_explained_on_request_and_only_where_it_matters(
    qtbot: Any, window: Window, photo: MakePhoto
):
    drop(window, files(photo("a.jpg")))
    wait(qtbot, lambda: finished(window))
    explanations = window.session.explanations
    kernels = explanations.panels["kernels"].explanation
    other = "dog" if explanations.target == "cat" else "cat"
    window.inspector.target_chosen.emit(other)
    wait(qtbot, lambda: finished(window))
    assert explanations.panels["gradcam"].explanation.target == other
    assert explanations.panels["kernels"].explanation is kernels


def test_changing_a_parameter_runs_that_panel_again_and_is_remembered(
    qtbot: Any, window: Window, photo: MakePhoto, settings: Settings
):
    drop(window, files(photo("a.jpg")))
    wait(qtbot, lambda: finished(window))
    panels = window.session.explanations.panels
    gradcam = panels["gradcam"].explanation
    window.view.grid.choose("feature_maps")
    (box,) = window.inspector.findChildren(QSpinBox)
    box.setValue(3)
    wait(qtbot, lambda: finished(window))
    assert all(len(layer.channels) == 3 for layer in panels["feature_maps"].explanation.layers)
    assert panels["gradcam"].explanation is gradcam
    assert settings.table("parameters")["feature_maps"]["channels"] == 3


def test_a_parameter_that_does_not_fit_the_network_is_told_in_its_panel(
    qtbot: Any, window: Window, photo: MakePhoto
):
    drop(window, files(photo("a.jpg")))
    wait(qtbot, lambda: finished(window))
    window.inspector.values_chosen.emit("gradcam", {"layer": "layer9"})
    panel = window.session.explanations.panels["gradcam"]
    wait(qtbot, lambda: panel.status == "failed")
    assert "layer9" in str(panel.error)
    assert panel.explanation is None


def test_a_double_click_gives_a_panel_the_centre_and_escape_brings_all_back(
    qtbot: Any, window: Window, photo: MakePhoto
):
    drop(window, files(photo("a.jpg")))
    wait(qtbot, lambda: finished(window))
    grid = window.view.grid
    occlusion = grid.panels["occlusion"]
    small = occlusion.size()
    qtbot.mouseDClick(occlusion, Qt.MouseButton.LeftButton)
    assert [name for name, panel in grid.panels.items() if panel.isVisible()] == ["occlusion"]
    assert occlusion.width() > 2 * small.width()
    back = next(one for one in window.menus.actions if one.shortcut().toString() == "Esc")
    assert back.isEnabled()
    back.trigger()
    assert all(panel.isVisible() for panel in grid.panels.values())
    assert occlusion.size() == small


def test_panels_stand_in_three_two_or_one_columns_of_equal_heights(
    qtbot: Any, window: Window, photo: MakePhoto
):
    drop(window, files(photo("a.jpg")))
    wait(qtbot, lambda: finished(window))
    for width, expected in ((1600, [3, 2]), (1180, [2, 2, 1]), (900, [1, 1, 1, 1, 1])):
        window.resize(width, 900)
        QApplication.processEvents()
        boxes = [panel.geometry() for panel in window.view.grid.panels.values()]
        tops = sorted({box.top() for box in boxes})
        assert [sum(box.top() == top for box in boxes) for top in tops] == expected
        assert max(b.height() for b in boxes) - min(b.height() for b in boxes) <= 1
        assert not any(one.intersects(other) for one in boxes for other in boxes if one != other)


def test_a_pasted_picture_is_opened(qtbot: Any, window: Window):
    image = QImage(40, 30, QImage.Format.Format_RGB32)
    image.fill(QColor("teal"))
    QGuiApplication.clipboard().setImage(image)
    window.arrivals.paste()
    wait(qtbot, lambda: judged(window))
    assert labels(window) == ["Pasted picture"]
    QGuiApplication.clipboard().clear()


def test_a_pasted_path_is_opened_and_other_text_is_answered(
    qtbot: Any, window: Window, photo: MakePhoto
):
    QGuiApplication.clipboard().setText(str(photo("a b.jpg")))
    window.arrivals.paste()
    wait(qtbot, lambda: judged(window))
    assert labels(window) == ["a b.jpg"]
    wait(qtbot, lambda: finished(window))
    QGuiApplication.clipboard().setText("dear diary")
    window.arrivals.paste()
    assert "no picture" in window.status.text
    QGuiApplication.clipboard().clear()


def test_a_dragged_thing_without_a_picture_is_not_taken(window: Window):
    mime = QMimeData()
    mime.setData("application/x-thing", b"1")
    drop(window, mime)
    assert not window.arrivals.overlay.isVisible()
    assert window.session.photos.rowCount() == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows names are text")
def test_a_name_that_is_no_text_is_opened_and_shown(qtbot: Any, window: Window, photo: MakePhoto):
    path = photo("plain.jpg")
    odd = os.fsencode(path.parent) + b"/ni\xf1o \xf0\x9f\x90\x88.jpg"
    moved = path.rename(os.fsdecode(odd))
    window.session.open_inputs([str(moved)])
    wait(qtbot, lambda: judged(window))
    assert labels(window) == ["ni\ufffdo 🐈.jpg"]


def test_removing_and_clearing_leave_no_results_behind(
    qtbot: Any, window: Window, photo: MakePhoto
):
    drop(window, files(*(photo(f"{n}.jpg", seed=n) for n in range(4))))
    wait(qtbot, lambda: len(labels(window)) == 4 and judged(window))
    window.column.remove_selected()
    assert labels(window) == ["1.jpg", "2.jpg", "3.jpg"]
    wait(qtbot, lambda: judged(window))
    assert window.session.current.source.label == "1.jpg"
    window.column.clear()
    assert window.session.current is None
    assert window.view.currentWidget() is window.view.invitation
    assert not window.column.isVisible()


def test_ten_thousand_photos_ask_only_for_what_is_seen(
    qtbot: Any, window: Window, photo: MakePhoto
):
    first = photo("00000.jpg", size=(8, 8))
    for number in range(1, 10_000):
        os.link(first, first.with_name(f"{number:05}.jpg"))
    drop(window, files(first.parent))
    model = window.session.photos
    wait(qtbot, lambda: model.rowCount() == 10_000)
    wait(qtbot, lambda: judged(window))
    asked = sum(model.photo(row).asked for row in range(10_000))
    assert 5 <= asked <= 60
    window.column.step(10_000)
    wait(qtbot, lambda: judged(window))
    assert window.session.current.source.label == "09999.jpg"


def test_the_window_remembers_its_size_columns_and_theme(
    qtbot: Any, make_window: MakeWindow, settings: Settings, photo: MakePhoto
):
    first = make_window()
    first.resize(700, 555)
    first.theme.choose("dark")
    first.want_column("parameters", False)
    first.close()
    kept = Settings.load(settings.path)
    assert kept.get("theme", "") == "dark"
    second = make_window()
    assert (second.width(), second.height()) == (700, 555)
    drop(second, files(photo("a.jpg")))
    wait(qtbot, lambda: judged(second))
    assert second.column.isVisible()
    assert not second.inspector.isVisible()


def test_another_theme_recolours_the_panels(qtbot: Any, window: Window, photo: MakePhoto):
    drop(window, files(photo("a.jpg")))
    wait(qtbot, lambda: finished(window))
    wait(qtbot, lambda: all(p.drawn for p in window.view.grid.panels.values()))
    light = window.grab().toImage().pixelColor(window.width() // 2, window.height() // 2)
    window.theme.choose("dark")
    panel = window.view.grid.panels["kernels"]
    face = panel.canvas.figure.get_facecolor()
    assert QColor.fromRgbF(*face).name() == window.theme.style.surface
    assert window.palette().window().color().lightness() < 100 < light.lightness()


def test_a_model_that_cannot_be_opened_is_told_and_the_photo_is_shown(
    qtbot: Any, window: Window, photo: MakePhoto, tmp_path: Path
):
    (tmp_path / "empty.safetensors").write_bytes(b"")
    wait(qtbot, lambda: window.session.handle is not None)
    before = window.session.handle
    window.session.use_model(str(tmp_path / "empty.safetensors"))
    wait(qtbot, lambda: window.session.model_error is not None)
    drop(window, files(photo("a.jpg")))
    wait(qtbot, lambda: judged(window))
    assert window.session.handle is before


def test_a_remembered_model_that_is_gone_gives_way_to_the_bundled_one(
    qtbot: Any, make_window: MakeWindow, settings: Settings, tmp_path: Path
):
    settings.put("model", str(tmp_path / "gone.safetensors"))
    window = make_window()
    told: list[str] = []
    window.session.told.connect(told.append)
    wait(qtbot, lambda: window.session.handle is not None)
    assert any("gone.safetensors" in sentence for sentence in told)
    assert settings.get("model", "") == ""


def test_a_bug_while_reading_a_photo_ends_in_its_place(
    qtbot: Any, window: Window, photo: MakePhoto
):
    session = window.session
    wait(qtbot, lambda: session.handle is not None)
    session.crashed.disconnect()
    reports: list[str] = []
    session.crashed.connect(reports.append)
    broken = Source("bytes", "", "odd.jpg", 7)  # type: ignore[arg-type]
    session.open_incoming(Incoming(pictures=(broken,)), "")
    wait(qtbot, lambda: session.current is not None and session.current.error is not None)
    assert session.current.error.code == "fault"
    assert reports
    assert not session.working


def test_every_control_has_a_name_and_every_menu_entry_does_something(window: Window):
    buttons = window.findChildren(QToolButton)
    named = [button for button in buttons if not button.objectName().startswith("qt_")]
    assert all(button.accessibleName() or button.text() for button in named)
    actions = window.menus.actions
    assert len(actions) > 20
    assert all(action.text() for action in actions)
    keys = [one.shortcut().toString() for one in actions if not one.shortcut().isEmpty()]
    assert len(keys) == len(set(keys))
