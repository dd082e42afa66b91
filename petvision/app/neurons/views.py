"""Summary, Heatmaps and Filter grid: all filters of a layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.neurons.tiles import TileView, scrolled
from petvision.app.neurons.work import NeuronsWork
from petvision.app.theme import Theme
from petvision.app.widgets.labels import heading, quiet
from petvision.figures.style import GRID_PX, HEADING_PX
from petvision.images.types import Picture
from petvision.neurons.results import Maps, Ranked, Sentence

if TYPE_CHECKING:
    from petvision.figures.neurons import Tile
    from petvision.figures.neurons_sheet import Sheet

PAGE = 24
ROWS = 200
INDEX = Qt.ItemDataRole.UserRole


def said(sentence: Sentence) -> str:
    """A sentence in the window's language."""
    template = QCoreApplication.translate("neurons", sentence.template)
    values = {
        key: QCoreApplication.translate("neurons", value) if isinstance(value, str) else value
        for key, value in sentence.values.items()
    }
    return template.format(**values)


class SubTab(QWidget):
    """One of the six: ``refresh`` when the work has news and it is in view.

    ``chosen`` and ``opened``: a filter was clicked, double clicked.
    """

    chosen = Signal(int)
    opened = Signal(int)
    news: frozenset[str] = frozenset({"sight", "ranking", "photo"})

    def __init__(self, work: NeuronsWork, theme: Theme) -> None:
        super().__init__()
        self.work = work
        self.theme = theme
        self.stale = True
        self._asked = 0

    def refresh(self) -> None:
        """Show the state as it is."""

    def select(self, index: int) -> None:
        """A filter was chosen, here or elsewhere."""

    def sheet(self) -> Sheet | None:
        """What is shown, for a file."""
        return None

    def titled(self, lines: Sequence[str], tiles: Sequence[Tile], columns: int) -> Sheet | None:
        """A sheet headed by model and layer."""
        sight, maps = self.work.state.sight, self.work.maps
        if sight is None or maps is None:
            return None
        from petvision.figures.neurons_sheet import Sheet

        title = f"{sight.handle.card.name}, {maps.layer.name}"
        return Sheet(title, tuple(lines), tuple(tiles), columns)

    def in_pool(self, make: Callable[[], list[Tile]], show: Callable[[list[Tile]], None]) -> None:
        """Make tiles in the pool; only the newest wish is shown."""
        self._asked += 1
        number = self._asked

        def arrived(tiles: list[Tile]) -> None:
            if number == self._asked:
                show(tiles)

        self.work.in_pool(make, arrived)


class Summary(SubTab):
    """The verdict, the layer's facts, the table of the first filters."""

    def __init__(self, work: NeuronsWork, theme: Theme) -> None:
        super().__init__(work, theme)
        self.verdict = heading(None, HEADING_PX)
        self.facts = QLabel()
        self.facts.setWordWrap(True)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note = quiet()
        self.table = QTableWidget(0, 8)
        self.table.setHorizontalHeaderLabels(
            [
                self.tr("Rank"),
                self.tr("Filter"),
                self.tr("Score"),
                self.tr("Mean"),
                self.tr("Largest"),
                self.tr("Std. dev."),
                self.tr("Sparsity"),
                self.tr("How selective"),
            ]
        )
        self.table.setAccessibleName(self.tr("The filters by rank"))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX, GRID_PX)
        for widget in (self.verdict, self.facts, self.note):
            layout.addWidget(widget)
        layout.addWidget(self.table, 1)
        self.table.customContextMenuRequested.connect(self._menu)
        self.table.itemSelectionChanged.connect(self._selection)
        self.table.itemDoubleClicked.connect(lambda item: self.opened.emit(item.data(INDEX)))
        copying = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.table)
        copying.setContext(Qt.ShortcutContext.WidgetShortcut)
        copying.activated.connect(self.copy_rows)

    def refresh(self) -> None:
        """Fill labels and table."""
        sight, maps = self.work.state.sight, self.work.maps
        if sight is None or maps is None:
            for label in (self.verdict, self.facts, self.note):
                label.clear()
            self.table.setRowCount(0)
            return
        prediction, layer, stats = sight.prediction, maps.layer, maps.stats
        best = words.named(prediction.best_class)
        name = (
            self.tr("Unknown (nearest: {name})").format(name=best) if prediction.unknown else best
        )
        self.verdict.setText(f"{name}, {words.percent(prediction.confidence)}")
        high, wide = maps.grid
        text = self.tr(
            "<b>{layer}</b>: {filters} filters, maps of {wide} × {high}. Activation: mean {mean}, "
            "largest {most}, standard deviation {std}; sparsity {sparsity} %."
        )
        self.facts.setText(
            text.format(
                layer=layer.name,
                filters=layer.filters,
                wide=wide,
                high=high,
                mean=f"{stats.mean.mean():.3f}",
                most=f"{stats.max.max():.2f}",
                std=f"{maps.maps.std():.3f}",
                sparsity=round(100 * float(stats.sparsity.mean())),
            )
        )
        note = self.tr(
            "This layer has no ReLU before its residual sum: shown is the value before the sum, "
            "clipped at zero."
        )
        self.note.setText(note if layer.before_sum else "")
        self.note.setVisible(layer.before_sum)
        self._fill()

    def sheet(self) -> Sheet | None:
        """The facts and the rows."""
        facts = self.facts.text().replace("<b>", "").replace("</b>", "")
        rows = self._lines(range(min(self.table.rowCount(), PAGE)))
        return self.titled([self.verdict.text(), facts, *(" · ".join(r) for r in rows)], (), 1)

    def _lines(self, rows: Iterable[int]) -> list[list[str]]:
        """The head and these rows as words."""
        columns = range(self.table.columnCount())
        head = [self.table.horizontalHeaderItem(column) for column in columns]
        lines = [[item.text() for item in head if item is not None]]
        for row in rows:
            cells = (self.table.item(row, column) for column in columns)
            lines.append([cell.text() for cell in cells if cell is not None])
        return lines

    def _fill(self) -> None:
        from petvision.reports.neurons import row_of

        maps = self.work.maps
        if maps is None:
            return
        levels = {
            "very": self.tr("very"),
            "moderate": self.tr("moderately"),
            "weak": self.tr("weakly"),
            "none": self.tr("not"),
        }
        ranked = self.work.top(max(self.work.state.count, PAGE))[:ROWS]
        self.table.blockSignals(True)
        self.table.setRowCount(len(ranked))
        for row, one in enumerate(ranked):
            cells = row_of(maps, one)
            for column, cell in enumerate(cells):
                shown = f"{cell:.3f}" if isinstance(cell, float) else str(cell)
                item = QTableWidgetItem(levels[str(cell)] if column == 7 else shown)
                item.setData(INDEX, one.index)
                if column < 7:
                    item.setTextAlignment(_RIGHT)
                self.table.setItem(row, column, item)
        self.table.blockSignals(False)
        self.select(self.work.state.selected)

    def select(self, index: int) -> None:
        """Mark the filter's row."""
        for row in range(self.table.rowCount()):
            item = self.table.item(row, 0)
            if item is not None and item.data(INDEX) == index:
                chosen = self.table.selectionModel().selectedRows()
                if row not in [one.row() for one in chosen]:
                    self.table.blockSignals(True)
                    self.table.setCurrentCell(row, 0, _SELECT)
                    self.table.blockSignals(False)
                return

    def _selection(self) -> None:
        items = self.table.selectedItems()
        if items:
            self.chosen.emit(items[0].data(INDEX))

    def _menu(self, point: object) -> None:
        menu = QMenu(self)
        menu.addAction(self.tr("Copy row"), self.copy_rows)
        menu.popup(self.table.viewport().mapToGlobal(point))  # type: ignore[call-overload]

    def copy_rows(self) -> None:
        """Put the chosen rows on the clipboard, columns parted by tabs."""
        rows = sorted({item.row() for item in self.table.selectedItems()})
        if rows:
            QGuiApplication.clipboard().setText("\n".join(map("\t".join, self._lines(rows))))


class Heatmaps(SubTab):
    """The first filters laid over the photo."""

    news = frozenset({"sight", "ranking", "look", "photo"})

    def __init__(self, work: NeuronsWork, theme: Theme) -> None:
        super().__init__(work, theme)
        self.view = TileView(theme, 3)
        self.view.setAccessibleName(self.tr("Heat maps of the first filters"))
        self.view.chosen.connect(self.chosen)
        self.view.opened.connect(self.opened)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        layout.addWidget(scrolled(self.view), 1)
        hint = quiet()
        hint.setText(
            self.tr("Each map on its own scale from zero to its largest activation. ")
            + self.tr("Double click shows one large.")
        )
        layout.addWidget(hint)

    def sheet(self) -> Sheet | None:
        """The heat maps, three in a row."""
        scale = self.tr("Each map on its own scale from zero to its largest activation.")
        return self.titled([scale], self.view.tiles, 3)

    def refresh(self) -> None:
        """Draw the first filters over the photo."""
        maps, state = self.work.maps, self.work.state
        if maps is None:
            self.view.show_tiles(())
            return
        ranked = self.work.top()[:PAGE]
        make = partial(_heats, maps, ranked, self.work.photo, state.opacity, state.colours)
        self.in_pool(make, self.view.show_tiles)
        self.select(state.selected)

    def select(self, index: int) -> None:
        """Frame the filter."""
        self.view.select(index)


class FilterGrid(SubTab):
    """All ranked filters' maps, a page of 24 at a time."""

    news = frozenset({"sight", "ranking", "look"})

    def __init__(self, work: NeuronsWork, theme: Theme) -> None:
        super().__init__(work, theme)
        self.page = 0
        self.view = TileView(theme, 6, most=200)
        self.view.setAccessibleName(self.tr("Maps of the filters"))
        self.view.chosen.connect(self.chosen)
        self.view.opened.connect(self.opened)
        self._label = QLabel()
        back = self._button("‹", self.tr("Previous page"), -1)
        forth = self._button("›", self.tr("Next page"), 1)
        self._buttons = (back, forth)
        below = QHBoxLayout()
        below.addStretch(1)
        for widget in (back, self._label, forth):
            below.addWidget(widget)
        below.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        layout.addWidget(scrolled(self.view), 1)
        layout.addLayout(below)

    def _button(self, sign: str, name: str, step: int) -> QToolButton:
        button = QToolButton()
        button.setText(sign)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.clicked.connect(lambda: self.turn(self.page + step))
        return button

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-len(self.work.state.ranking) // PAGE))

    def turn(self, page: int) -> None:
        """Show another page."""
        self.page = min(max(page, 0), self.pages - 1)
        self.refresh()

    def sheet(self) -> Sheet | None:
        """The page's maps, six in a row."""
        return self.titled([self._label.text()], self.view.tiles, 6)

    def refresh(self) -> None:
        """Draw the page's maps."""
        maps = self.work.maps
        self.page = min(self.page, self.pages - 1)
        for button, there in zip(self._buttons, (0, self.pages - 1), strict=True):
            button.setEnabled(self.page != there)
        text = self.tr("Page {page} of {pages}").format(page=self.page + 1, pages=self.pages)
        self._label.setText(text)
        if maps is None:
            self.view.show_tiles(())
            return
        first = self.page * PAGE
        ranked = self.work.state.ranking[first : first + PAGE]
        self.in_pool(partial(_grid, maps, ranked, self.work.state.colours), self.view.show_tiles)
        self.view.select(self.work.state.selected)

    def select(self, index: int) -> None:
        """Frame the filter, turning to its page."""
        places = [n for n, one in enumerate(self.work.state.ranking) if one.index == index]
        if places and places[0] // PAGE != self.page:
            self.turn(places[0] // PAGE)
        self.view.select(index)


_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_SELECT = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows


# For the pool


def _heats(
    maps: Maps, ranked: tuple[Ranked, ...], photo: Picture | None, opacity: float, colours: str
) -> list[Tile]:
    from petvision.figures.neurons import heat_tiles

    return heat_tiles(maps, ranked, photo, opacity, colours, 480)


def _grid(maps: Maps, ranked: tuple[Ranked, ...], colours: str) -> list[Tile]:
    from petvision.figures.neurons import grid_tiles

    return grid_tiles(maps, ranked, colours)
