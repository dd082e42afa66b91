"""The Neurons tab: a planted filter is found, boxed, described and silenced through the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication

from petvision.app.neurons.page import NeuronsPage
from petvision.app.neurons.separation import SeparationDialog
from petvision.app.window import Window
from petvision.models import architectures
from petvision.models.cards import Card, InputCard
from petvision.models.files import write_model
from petvision.neurons.results import Choice

SIZE = 64
RED_EDGE, EVERYWHERE = 3, 5
WAIT_MS = 60_000


@pytest.fixture(scope="session")
def planted_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file: conv1's filter 3 finds vertical red edges, 5 fires on all, the rest never."""
    torch.manual_seed(1)
    blocks = (1, 1, 1, 1)
    network = architectures.build("resnet18", 2, blocks)
    with torch.no_grad():
        network.conv1.weight.zero_()
        network.conv1.weight[RED_EDGE, 0, :, :3] = -1
        network.conv1.weight[RED_EDGE, 0, :, 4:] = 1
        network.bn1.bias.fill_(-0.1)
        network.bn1.bias[EVERYWHERE] = 1
    card = Card(
        name="catdog-resnet101",
        architecture="resnet18",
        blocks_per_stage=blocks,
        classes=("cat", "dog"),
        input=InputCard(size=SIZE, resize=SIZE, mean=(0, 0, 0), std=(1, 1, 1)),
    )
    folder = tmp_path_factory.mktemp("planted")
    write_model(folder / "catdog-resnet101.safetensors", card, network.state_dict())
    return folder


@pytest.fixture
def page(
    qtbot: Any,
    make_window: Callable[[], Window],
    planted_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> NeuronsPage:
    """The tab, looking into conv1 with a photo of a red rectangle on black."""
    monkeypatch.setenv("PETVISION_WEIGHTS", str(planted_folder))
    pixels = np.zeros((128, 128, 3), np.uint8)
    pixels[32:96, 80:120, 0] = 255
    Image.fromarray(pixels).save(tmp_path / "red.png")
    window = make_window()
    found = window.show_tab("neurons")
    assert isinstance(found, NeuronsPage)
    found.work.state.layer = "conv1"
    window.session.open_inputs([str(tmp_path / "red.png")])
    qtbot.waitUntil(lambda: bool(found.work.state.ranking), timeout=WAIT_MS)
    return found


def turn(qtbot: Any, page: NeuronsPage, name: str) -> Any:
    page.tabs.setCurrentWidget(page.views[name])
    return page.views[name]


def shows(view: Any, index: int) -> bool:
    return view.shown is not None and view.shown.index == index


def test_the_planted_filter_is_ranked_boxed_and_described(qtbot: Any, page: NeuronsPage) -> None:
    summary = page.views["summary"]
    assert summary.table.filters[0] == RED_EDGE
    assert "conv1" in summary.facts.text()
    assert page.work.state.selected == RED_EDGE
    detail = turn(qtbot, page, "detail")
    qtbot.waitUntil(lambda: detail.shown is not None, timeout=WAIT_MS)
    assert "vertical red edge" in detail.words.text()
    left, top, right, bottom = detail.shown.regions[0].box
    assert left < 80 < right  # the rising edge, in pixels of the photo
    assert right - left < 24
    assert 20 < top < 44
    assert 84 < bottom < 108


def test_the_filter_that_fires_everywhere_is_warned_about(qtbot: Any, page: NeuronsPage) -> None:
    page.controls.show_choice(Choice("mean"))
    page.work.choose(Choice("mean"))
    assert page.work.state.ranking[0].index == EVERYWHERE
    detail = turn(qtbot, page, "detail")
    page.work.select(EVERYWHERE)
    qtbot.waitUntil(lambda: shows(detail, EVERYWHERE), timeout=WAIT_MS)
    assert "Not selective" in detail.warnings.text()
    assert "possibly background" in detail.warnings.text()


def test_a_click_on_a_map_selects_the_filter_everywhere(qtbot: Any, page: NeuronsPage) -> None:
    grid = turn(qtbot, page, "grid")
    qtbot.waitUntil(lambda: len(grid.view.tiles) > 1, timeout=WAIT_MS)
    other = grid.view.tiles[1].index
    spot = grid.view.place(1).center()
    qtbot.mouseClick(grid.view, Qt.MouseButton.LeftButton, pos=spot)
    assert page.work.state.selected == other
    summary = turn(qtbot, page, "summary")
    (row,) = summary.table.chosen_rows
    assert summary.table.filters[row] == other
    turn(qtbot, page, "grid")
    qtbot.mouseDClick(grid.view, Qt.MouseButton.LeftButton, pos=QPoint(spot))
    assert page.tabs.currentWidget() is page.views["detail"]
    page.close_filter()
    assert page.tabs.currentWidget() is grid


def test_many_filters_come_in_pages_that_are_drawn_when_turned_to(
    qtbot: Any, page: NeuronsPage
) -> None:
    heatmaps = turn(qtbot, page, "heatmaps")
    assert heatmaps.pages == 1
    page.work.show_as(count=64)
    assert len(page.work.state.ranking) == 63  # the one that fires everywhere is not selective
    assert heatmaps.pages == 3
    qtbot.waitUntil(lambda: len(heatmaps.view.tiles) == 24, timeout=WAIT_MS)
    last = page.work.state.ranking[-1].index
    page.work.select(last)
    qtbot.waitUntil(lambda: heatmaps.view.tiles[-1].index == last, timeout=WAIT_MS)
    assert len(heatmaps.view.tiles) == 15
    summary = turn(qtbot, page, "summary")
    assert len(summary.table.filters) == 63
    assert summary.table.chosen_rows == [62]


def test_a_row_can_be_copied(page: NeuronsPage) -> None:
    summary = page.views["summary"]
    summary.table.selectRow(0)
    summary.table.copy_rows()
    head, row = QGuiApplication.clipboard().text().split("\n")
    assert head.startswith("Rank\tFilter")
    assert row.startswith(f"1\t{RED_EDGE}\t")


def test_silencing_shows_another_verdict_and_can_be_undone(qtbot: Any, page: NeuronsPage) -> None:
    verdict = turn(qtbot, page, "prediction")
    before = page.work.state.sight.prediction
    page.work.silence(EVERYWHERE)
    qtbot.waitUntil(lambda: page.work.state.silencing is not None, timeout=WAIT_MS)
    after = page.work.state.silencing.after
    assert after.logits != before.logits
    assert f"conv1: {EVERYWHERE}" in verdict.silent.text()
    assert verdict.undo.isEnabled()
    page.work.undo()
    assert page.work.state.silenced == ()
    assert page.work.state.silencing is None


def test_another_layer_needs_no_second_decode(qtbot: Any, page: NeuronsPage) -> None:
    prepared = page.work.state.sight.lens.prepared
    page.controls.search.setText("layer1.0.conv1")
    shown = [i for i in page.controls._items() if not i.isHidden() and i.data(0, 256)]
    assert [item.data(0, 256) for item in shown] == ["layer1.0.conv1"]
    page.controls.tree.setCurrentItem(shown[0])
    qtbot.waitUntil(
        lambda: page.work.maps is not None and page.work.maps.layer.name == "layer1.0.conv1",
        timeout=WAIT_MS,
    )
    assert page.work.state.sight.lens.prepared is prepared


@pytest.mark.parametrize("kind", ["png", "svg", "ranking", "npz", "csv"])
def test_everything_can_be_saved(qtbot: Any, page: NeuronsPage, kind: str, tmp_path: Path) -> None:
    view = turn(qtbot, page, "heatmaps")
    qtbot.waitUntil(lambda: bool(view.view.tiles), timeout=WAIT_MS)
    path = tmp_path / f"saved.{kind}"
    page.write(kind, path)
    qtbot.waitUntil(path.exists, timeout=WAIT_MS)
    assert path.stat().st_size > 1000 or kind == "ranking"


def test_focus_ranks_after_a_pass_of_its_own(qtbot: Any, page: NeuronsPage) -> None:
    page.work.choose(Choice("focus"))
    qtbot.waitUntil(lambda: page.work.state.focus is not None, timeout=WAIT_MS)
    assert page.work.state.ranking[0].index in (RED_EDGE, EVERYWHERE)


def test_a_click_on_a_kernel_in_explain_opens_it_here(qtbot: Any, page: NeuronsPage) -> None:
    window = page.window()
    window.show_tab("explain")
    widget = window.view.grid.panels["kernels"]
    qtbot.waitUntil(lambda: widget.panel.status == "done" and widget.drawn, timeout=WAIT_MS)
    canvas = widget.canvas
    column = round(0.45 * canvas.width())
    places = [canvas.mapTo(widget, QPoint(column, y)) for y in range(0, canvas.height(), 4)]
    spots = [place for place in places if widget.filter_at(QPointF(place))]
    spot = spots[len(spots) // 4]
    layer, index = widget.filter_at(QPointF(spot))
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=spot)
    detail = page.views["detail"]
    qtbot.waitUntil(lambda: window.tab == "neurons" and shows(detail, index), timeout=WAIT_MS)
    assert page.work.maps.layer.name == layer


def test_what_separates_two_folders_is_told_and_chosen(
    qtbot: Any, page: NeuronsPage, tmp_path: Path
) -> None:
    for name, strength in (("bars", 255), ("dark", 0)):
        (tmp_path / name).mkdir()
        for number in range(3):
            pixels = np.zeros((SIZE, SIZE, 3), np.uint8)
            pixels[:, 20 + number : 40, 0] = strength
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    patterns = turn(qtbot, page, "patterns")
    patterns.separate((str(tmp_path / "bars"), str(tmp_path / "dark")))
    qtbot.waitUntil(lambda: bool(patterns.findChildren(SeparationDialog)), timeout=WAIT_MS)
    (dialog,) = patterns.findChildren(SeparationDialog)
    row = dialog.rows.filters.index(RED_EDGE)
    assert row < 3
    assert dialog.rows.lines([row])[1][2] == "1.000"
    page.work.select(0)
    dialog.rows.selectRow(row)
    assert page.work.state.selected == RED_EDGE
    dialog.close()


def test_show_filter_opens_a_map_clicked_elsewhere(qtbot: Any, page: NeuronsPage) -> None:
    page.show_filter("layer2.0.conv1", 7)
    detail = page.views["detail"]
    qtbot.waitUntil(lambda: shows(detail, 7), timeout=WAIT_MS)
    assert page.work.maps.layer.name == "layer2.0.conv1"
