"""Summary, Heatmaps and Filter grid: all filters of a layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from petvision.app import words
from petvision.app.neurons.controls import tr
from petvision.app.neurons.rows import FilterRows
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


def said(sentence: Sentence) -> str:
    """A sentence in the window's language."""
    return sentence.said(tr)


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
        self.table = FilterRows(
            (
                self.tr("Rank"),
                self.tr("Filter"),
                self.tr("Score"),
                self.tr("Mean"),
                self.tr("Largest"),
                self.tr("Std. dev."),
                self.tr("Sparsity"),
                self.tr("How selective"),
            ),
            self.tr("The filters by rank"),
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX, GRID_PX)
        for widget in (self.verdict, self.facts, self.note):
            layout.addWidget(widget)
        layout.addWidget(self.table, 1)
        self.table.chosen.connect(self.chosen)
        self.table.opened.connect(self.opened)

    def refresh(self) -> None:
        """Fill labels and table."""
        sight, maps = self.work.state.sight, self.work.maps
        if sight is None or maps is None:
            for label in (self.verdict, self.facts, self.note):
                label.clear()
            self.table.fill(())
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
        from petvision.neurons.describe import TEMPLATES  # the lane has imported it

        self.note.setText(tr(TEMPLATES["before_sum"]) if layer.before_sum else "")
        self.note.setVisible(layer.before_sum)
        self._fill()

    def sheet(self) -> Sheet | None:
        """The facts and the rows."""
        facts = self.facts.text().replace("<b>", "").replace("</b>", "")
        rows = self.table.lines(range(min(len(self.table.filters), PAGE)))
        return self.titled([self.verdict.text(), facts, *(" · ".join(r) for r in rows)], (), 1)

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
        ranked = self.work.top(max(self.work.state.count, PAGE))
        rows = []
        for one in ranked:
            *figures, level = row_of(maps, one)
            cells = [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in figures]
            rows.append((one.index, (*cells, levels[str(level)])))
        self.table.fill(rows)
        self.select(self.work.state.selected)

    def select(self, index: int) -> None:
        """Mark the filter's row."""
        self.table.select(index)


class Paged(SubTab):
    """Tiles of the ranked filters, a page of 24 at a time: only what is looked at is drawn.

    Args:
        work: what is looked at.
        theme: colours.
        view: the tiles.
    """

    def __init__(self, work: NeuronsWork, theme: Theme, view: TileView) -> None:
        super().__init__(work, theme)
        self.page = 0
        self.view = view
        view.chosen.connect(self.chosen)
        view.opened.connect(self.opened)
        self._label = QLabel()
        back = self._button("‹", self.tr("Previous page"), -1)
        forth = self._button("›", self.tr("Next page"), 1)
        self._buttons = (back, forth)
        self._below = QHBoxLayout()
        self._below.addStretch(1)
        for widget in (back, self._label, forth):
            self._below.addWidget(widget)
        self._below.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        layout.addWidget(scrolled(view), 1)
        layout.addLayout(self._below)

    def _button(self, sign: str, name: str, step: int) -> QToolButton:
        button = QToolButton()
        button.setText(sign)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.clicked.connect(lambda: self.turn(self.page + step))
        return button

    @property
    def ranked(self) -> tuple[Ranked, ...]:
        """The filters on all pages."""
        return self.work.state.ranking

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-len(self.ranked) // PAGE))

    def turn(self, page: int) -> None:
        """Show another page."""
        self.page = min(max(page, 0), self.pages - 1)
        self.refresh()

    def refresh(self) -> None:
        """Draw the page."""
        maps = self.work.maps
        self.page = min(self.page, self.pages - 1)
        for button, there in zip(self._buttons, (0, self.pages - 1), strict=True):
            button.setEnabled(self.page != there)
            button.setVisible(self.pages > 1)
        text = self.tr("Page {page} of {pages}").format(page=self.page + 1, pages=self.pages)
        self._label.setText(text)
        self._label.setVisible(self.pages > 1)
        if maps is None:
            self.view.show_tiles(())
            return
        first = self.page * PAGE
        self.in_pool(self.drawing(maps, self.ranked[first : first + PAGE]), self.view.show_tiles)
        self.view.select(self.work.state.selected)

    def drawing(self, maps: Maps, ranked: tuple[Ranked, ...]) -> Callable[[], list[Tile]]:
        """What makes a page's tiles, in the pool."""
        raise NotImplementedError

    def select(self, index: int) -> None:
        """Frame the filter, turning to its page."""
        places = [n for n, one in enumerate(self.ranked) if one.index == index]
        if places and places[0] // PAGE != self.page:
            self.turn(places[0] // PAGE)
        self.view.select(index)


class Heatmaps(Paged):
    """The first filters laid over the photo."""

    news = frozenset({"sight", "ranking", "look", "photo"})

    def __init__(self, work: NeuronsWork, theme: Theme) -> None:
        view = TileView(theme, 3)
        super().__init__(work, theme, view)
        view.setAccessibleName(self.tr("Heat maps of the first filters"))
        self._hint = quiet(wrap=False)
        self._hint.setText(
            self.tr("Each map on its own scale from zero to its largest activation.")
        )
        self._below.insertWidget(0, self._hint)

    @property
    def ranked(self) -> tuple[Ranked, ...]:
        """As many as were asked for."""
        return self.work.top()

    def drawing(self, maps: Maps, ranked: tuple[Ranked, ...]) -> Callable[[], list[Tile]]:
        """Heat over the photo."""
        state = self.work.state
        return partial(_heats, maps, ranked, self.work.photo, state.opacity, state.colours)

    def sheet(self) -> Sheet | None:
        """The page's heat maps, three in a row."""
        return self.titled([self._hint.text()], self.view.tiles, 3)


class FilterGrid(Paged):
    """All ranked filters' maps."""

    news = frozenset({"sight", "ranking", "look"})

    def __init__(self, work: NeuronsWork, theme: Theme) -> None:
        view = TileView(theme, 6, most=200)
        super().__init__(work, theme, view)
        view.setAccessibleName(self.tr("Maps of the filters"))

    def drawing(self, maps: Maps, ranked: tuple[Ranked, ...]) -> Callable[[], list[Tile]]:
        """The maps alone."""
        return partial(_grid, maps, ranked, self.work.state.colours)

    def sheet(self) -> Sheet | None:
        """The page's maps, six in a row."""
        return self.titled([self._label.text()], self.view.tiles, 6)


# For the pool


def _heats(
    maps: Maps, ranked: tuple[Ranked, ...], photo: Picture | None, opacity: float, colours: str
) -> list[Tile]:
    from petvision.figures.neurons import heat_tiles

    return heat_tiles(maps, ranked, photo, opacity, colours, 480, tr)


def _grid(maps: Maps, ranked: tuple[Ranked, ...], colours: str) -> list[Tile]:
    from petvision.figures.neurons import grid_tiles

    return grid_tiles(maps, ranked, colours, say=tr)
