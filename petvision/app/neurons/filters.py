"""Detail and Patterns: single filters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from petvision.app.neurons.controls import tr
from petvision.app.neurons.separation import SeparationDialog, separated
from petvision.app.neurons.tiles import TileView, image_of, scrolled
from petvision.app.neurons.views import SubTab, said
from petvision.app.neurons.work import NeuronsWork, Sight
from petvision.app.theme import Theme
from petvision.app.widgets.labels import heading, quiet
from petvision.app.widgets.photo import PhotoView
from petvision.events import Progress
from petvision.figures.style import GRID_PX, TEXT_PX
from petvision.images.types import Picture
from petvision.neurons.results import Biography, Detail, Maps, Pattern, Ranked, Region

if TYPE_CHECKING:
    from petvision.figures.neurons import Tile
    from petvision.figures.neurons_sheet import Sheet
    from petvision.neurons.run import Lens

SHOWN = 12
WORDS_PX = 300
LARGE = 900


class FilterDetail(SubTab):
    """One filter: where it fires, how strongly, what its kernel is, in pictures and words."""

    news = frozenset({"sight", "ranking", "look", "photo"})

    def __init__(self, work: NeuronsWork, theme: Theme) -> None:
        super().__init__(work, theme)
        self.boxes, self.heat = PhotoView(theme), PhotoView(theme)
        self.kernels = TileView(theme, 4, most=96)
        self.kernels.setAccessibleName(self.tr("Kernel"))
        self.title = heading(None, TEXT_PX + 3)
        self.title.setWordWrap(True)
        self.words, self.figures = _wrapped(), _wrapped()
        self.warnings = _wrapped()
        self.regions = _wrapped()
        self.silence = QPushButton(self.tr("Silence it"))
        self.shown: Detail | None = None
        self._lay_out()
        self.silence.clicked.connect(lambda: self.work.silence(self.work.state.selected))

    def _lay_out(self) -> None:
        pictures = QVBoxLayout()
        for view in (self.boxes, self.heat):
            pictures.addWidget(view, 1)
        scale = quiet()
        scale.setText(
            self.tr(
                "Above: regions by interest, the first starred, and in white the exact receptive "
                "field of its peak. Below: the activation, from zero to its largest value."
            )
        )
        pictures.addWidget(scale)
        column = QVBoxLayout()
        column.setSpacing(GRID_PX)
        for widget in (self.title, self.words, self.warnings, self.figures, self.kernels):
            column.addWidget(widget)
        column.addWidget(self.regions)
        column.addWidget(self.silence, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        side = QWidget()
        side.setLayout(column)
        area = scrolled(side)
        area.setFixedWidth(WORDS_PX)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, GRID_PX, GRID_PX)
        layout.addLayout(pictures, 1)
        layout.addWidget(area)

    def select(self, index: int) -> None:
        """Show that filter."""
        self.refresh()

    def sheet(self) -> Sheet | None:
        """The filter's pictures, words and warnings."""
        maps = self.work.maps
        if maps is None or self.shown is None:
            return None
        from petvision.reports.neurons import detail_sheet

        return detail_sheet(maps, self.shown, self.work.photo, tr)

    def refresh(self) -> None:
        """Ask for the chosen filter's figures."""
        index = self.work.state.selected
        if self.work.maps is None or index < 0:
            self.title.setText(self.tr("No filter is chosen"))
            self.shown = None
            for view in (self.boxes, self.heat):
                view.show_image(None, "")
            for label in (self.words, self.warnings, self.figures, self.regions):
                label.clear()
            self.kernels.show_tiles(())
            self.silence.setEnabled(False)
            return
        self.silence.setEnabled(True)
        self.work.detail(index, self._show)

    def _show(self, detail: Detail) -> None:
        maps = self.work.maps
        if maps is None or detail.index != self.work.state.selected:
            return
        self.shown = detail
        rank = next((r.rank for r in self.work.state.ranking if r.index == detail.index), 0)
        place = self.tr("rank {rank}").format(rank=rank) if rank else self.tr("not ranked")
        text = self.tr("Filter {index} of {layer}, {place}")
        self.title.setText(text.format(index=detail.index, layer=maps.layer.name, place=place))
        self.words.setText(" ".join(map(said, detail.words)))
        lines = [self.tr("Mind: {words}").format(words=said(w)) for w in detail.warnings]
        self.warnings.setText("\n".join(lines))
        self.warnings.setVisible(bool(lines))
        text = self.tr(
            "Mean {mean}, largest {largest}, standard deviation {std}, sparsity {sparsity} %."
        )
        self.figures.setText(
            text.format(
                mean=f"{detail.mean:.3f}",
                largest=f"{detail.max:.2f}",
                std=f"{detail.std:.3f}",
                sparsity=round(100 * detail.sparsity),
            )
        )
        self.regions.setText("\n".join(self._region(region) for region in detail.regions[:6]))
        silent = (maps.layer.name, detail.index) in self.work.state.silenced
        self.silence.setText(self.tr("Let it speak again") if silent else self.tr("Silence it"))
        state = self.work.state
        make = partial(_pictures, maps, detail, self.work.photo, state.opacity, state.colours)
        self.in_pool(make, self._pictures_made)

    def _region(self, region: Region) -> str:
        text = self.tr("Region {number}{star}: {size}, {share} % of the view, interest {interest}")
        return text.format(
            number=region.number,
            star="*" if region.number == 1 else "",
            size=tr(region.size),
            share=f"{100 * region.share:.1f}" if region.share >= 0.001 else "< 0.1",
            interest=f"{region.interest:.2f}",
        )

    def _pictures_made(self, tiles: list[Tile]) -> None:
        boxes, heat, *kernels = tiles
        self.boxes.show_image(image_of(boxes.pixels), self.tr("Regions on the photo"))
        self.heat.show_image(image_of(heat.pixels), self.tr("Activation on the photo"))
        self.kernels.setVisible(bool(kernels))
        self.kernels.show_tiles(kernels)


class Patterns(SubTab):
    """Kernels or synthesised patterns of the first filters beside real patches that fire each."""

    news = frozenset({"sight", "ranking", "patterns", "photo"})

    def __init__(self, work: NeuronsWork, theme: Theme) -> None:
        super().__init__(work, theme)
        self.view = TileView(theme, 4, most=168)
        self.view.setAccessibleName(self.tr("Patterns and patches"))
        self.view.chosen.connect(self.chosen)
        self.view.opened.connect(self.opened)
        self.about = quiet()
        self.draw = QPushButton(self.tr("Synthesise a pattern for the chosen filter"))
        self.draw.clicked.connect(lambda: work.draw_pattern(work.state.selected))
        self.folder = QPushButton(self.tr("Look for it in a folder…"))
        self.folder.clicked.connect(self.ask_folder)
        self.two = QPushButton(self.tr("What separates two folders…"))
        self.two.clicked.connect(self.ask_two_folders)
        self.told = _wrapped()
        self.life = TileView(theme, 9, most=112)
        self.life.setAccessibleName(self.tr("What of the folder fires it most and least"))
        self.biography: Biography | None = None
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.told, self.life, self.view):
            column.addWidget(widget)
        column.addStretch(1)
        buttons = QHBoxLayout()
        for button in (self.draw, self.folder, self.two):
            buttons.addWidget(button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, GRID_PX, GRID_PX)
        layout.setSpacing(GRID_PX)
        layout.addWidget(self.about)
        layout.addLayout(buttons)
        layout.addWidget(scrolled(inner), 1)
        self._show_life(None)

    def ask_folder(self) -> None:
        """Ask for a folder and tell the chosen filter's life in it."""
        folder = QFileDialog.getExistingDirectory(self, self.tr("Look for the filter in"))
        if folder:
            self.look_through(folder)

    def look_through(self, folder: str) -> None:
        """What of a folder's photos fires the chosen filter most and least."""
        sight, index = self.work.state.sight, self.work.state.selected
        if sight is not None and index >= 0:
            layer = sight.lens.maps.layer.name
            self.work.ask("folder", partial(_life, sight, layer, index, folder), self._show_life)

    def ask_two_folders(self) -> None:
        """Ask for two folders and tell which filters of the layer separate them."""
        titles = (self.tr("The first folder"), self.tr("The other folder"))
        first = QFileDialog.getExistingDirectory(self, titles[0])
        second = first and QFileDialog.getExistingDirectory(self, titles[1])
        if second:
            self.separate((first, second))

    def separate(self, folders: tuple[str, str]) -> None:
        """Which filters of the layer tell two folders apart, in a window of its own."""
        sight = self.work.state.sight
        if sight is not None:
            layer = sight.lens.maps.layer.name
            self.work.ask(
                "separate",
                partial(separated, sight, layer, folders),
                lambda found: SeparationDialog(self.work, layer, folders, found, self).open(),
            )

    def _show_life(self, found: Biography | None) -> None:
        self.biography = found
        self.told.setVisible(found is not None)
        self.life.setVisible(found is not None)
        if found is not None:
            from petvision.reports.neurons_folder import card

            head = self.tr("Filter {index} of {layer} in {photos} photos: ").format(
                index=found.index, layer=found.layer.name, photos=found.photos
            )
            self.told.setText(head + " ".join(map(said, found.words)))
            sheet = card(found, tr)  # what fires it most in one row, least in the next
            self.life.show_tiles(sheet.tiles, sheet.columns)

    def select(self, index: int) -> None:
        """Frame the filter."""
        self.view.select(index)
        self.draw.setEnabled(index >= 0 and self.work.maps is not None)

    def sheet(self) -> Sheet | None:
        """The card of a folder where there is one, else the rows, as they are."""
        if self.biography is not None:
            from petvision.reports.neurons_folder import card

            return card(self.biography, tr)
        return self.titled([self.about.text()], self.view.tiles, 4)

    def refresh(self) -> None:
        """Draw the rows: what it is made of, then three patches."""
        sight, maps = self.work.state.sight, self.work.maps
        if sight is None or maps is None:
            self.view.show_tiles(())
            return
        first = self.tr(
            "Each row: the kernel as a picture (mid-grey is zero), then the places of this photo "
            "that fire the filter most, each as large as it can see at all."
        )
        deep = self.tr(
            "A kernel of this layer works on {channels} other filters and is no picture. A pattern "
            "can be synthesised instead: one that fires the filter, not what it “looks for”. "
            "Beside it the places of this photo that fire the filter most, each as large as it can "
            "see at all."
        ).format(channels=self._inputs())
        self.about.setText(first if maps.layer.sees_colour else deep)
        ranked = list(self.work.top()[:SHOWN])
        chosen = [r for r in self.work.state.ranking if r.index == self.work.state.selected]
        ranked = [*(r for r in chosen if r not in ranked), *ranked]
        layer = maps.layer.name
        patterns = {r.index: self.work.patterns.get((layer, r.index)) for r in ranked}
        make = partial(_rows, sight.lens, ranked, patterns, self.work.photo)
        self.in_pool(make, self.view.show_tiles)
        self.select(self.work.state.selected)

    def _inputs(self) -> int:
        sight = self.work.state.sight
        if sight is None:
            return 0
        module = sight.handle.network.get_submodule(sight.lens.maps.layer.name)
        return int(getattr(module, "in_channels", 0))


def _wrapped() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


# For the lane


def _life(sight: Sight, layer: str, index: int, folder: str) -> Iterator[Any]:
    from petvision.images.inputs import expand
    from petvision.reports.neurons_folder import biography

    sources = []
    for source in expand([folder]):
        sources.append(source)
        yield Progress(0, 0, "listing")
    yield from biography(sight.handle, sight.anatomy, layer, index, sources)


# For the pool


def _pictures(
    maps: Maps, detail: Detail, photo: Picture | None, opacity: float, colours: str
) -> list[Tile]:
    from petvision.figures import neurons as drawn

    under = drawn.small_photo(photo, maps.geometry, LARGE)
    heat = drawn.heat_over(under, maps.maps[detail.index], maps.geometry, opacity, colours)
    tiles = [
        drawn.Tile(drawn.boxes_over(under, detail, maps.geometry), "", detail.index),
        drawn.Tile(heat, "", detail.index),
    ]
    if detail.kernel is not None:
        tiles += drawn.kernel_tiles(detail.kernel, detail.index, say=tr)
    return tiles


def _rows(
    lens: Lens,
    ranked: list[Ranked],
    patterns: dict[int, Pattern | None],
    photo: Picture | None,
) -> list[Tile]:
    import numpy as np

    from petvision.figures import neurons as drawn
    from petvision.neurons.patches import strongest

    side = 168
    tiles: list[Tile] = []
    for one in ranked:
        made = patterns.get(one.index)
        caption = tr("{rank}. filter {filter}").format(rank=one.rank, filter=one.index)
        if lens.kernels is not None:
            kernel = lens.kernels.picture(one.index)
            picture = drawn.kernel_tiles(kernel, one.index, side)[0].pixels
            tiles.append(drawn.Tile(picture, caption, one.index))
        elif made is not None:
            tiles.append(drawn.pattern_tile(made.pixels, caption, one.index, side))
        else:
            empty = np.full((side, side, 3), 128, np.uint8)
            words = tr("{filter}: not synthesised").format(filter=caption)
            tiles.append(drawn.Tile(empty, words, one.index))
        found = strongest(lens.maps.maps[one.index], lens.maps.geometry, lens.graph, lens.tap)
        for number in range(3):
            if number < len(found) and photo is not None:
                (row, column), box = found[number]
                value = float(lens.maps.maps[one.index][row, column])
                patch = drawn.crop(photo, box, side)
                words = tr("activation {value}").format(value=f"{value:.2f}")
                tiles.append(drawn.Tile(patch, words, one.index))
            else:
                blank = np.full((side, side, 3), 128, np.uint8)
                tiles.append(drawn.Tile(blank, tr("no further place"), one.index))
    return tiles
