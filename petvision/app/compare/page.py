"""The Compare tab: two explanations side by side, their difference, and how alike they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout

from petvision.app import words
from petvision.app.compare.side import Side
from petvision.app.tabs import Page
from petvision.app.widgets.labels import heading, quiet
from petvision.app.widgets.link import Link
from petvision.explain.compare import Comparison, compare
from petvision.figures.style import GRID_PX, TEXT_PX

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

    from petvision.app.widgets.heat import HeatPage
    from petvision.app.window import Window
    from petvision.explain.results import Attribution
    from petvision.figures.scale import Scale


class ComparePage(Page):
    """Left, right, and the first minus the second; zoom, place and spot are one for all."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        session, theme = window.session, window.theme
        self.link = Link(self)
        self.one = Side(self.tr("First"), session, theme)
        self.other = Side(self.tr("Second"), session, theme)
        self.comparison: Comparison | None = None
        self.pages: dict[str, HeatPage] = {}
        self._begun = False
        self._titles = {name: self._heading() for name in ("one", "other", "difference")}
        self._scale_words = quiet()
        self._verdict = heading(None, TEXT_PX)
        self._verdict.setWordWrap(True)
        self._lay_out()
        for side in (self.one, self.other):
            side.changed.connect(self._compare)
        session.current_changed.connect(self._offer)
        session.model_changed.connect(self._offer)
        session.known.connect(self._offer)

    @staticmethod
    def _heading() -> QLabel:
        label = heading(None, TEXT_PX)
        label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        return label

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        margin = 2 * GRID_PX
        grid.setContentsMargins(margin, margin, margin, margin)
        grid.setSpacing(margin)
        third = QFrame()
        third.setProperty("card", True)
        column = QVBoxLayout(third)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(GRID_PX)
        column.addWidget(self._verdict)
        column.addWidget(self._scale_words)
        about = quiet()
        about.setText(
            self.tr(
                "Choose on each side what to look at. Zoom (Ctrl and the wheel), place and spot "
                "are the same in all three pictures; a click keeps the spot."
            )
        )
        column.addStretch(1)
        column.addWidget(about)
        for place, widget in enumerate((self.one, self.other, third)):
            grid.addWidget(widget, 0, place)
            grid.setColumnStretch(place, 1)
        self._frames: dict[str, QVBoxLayout] = {}
        for place, name in enumerate(self._titles):
            frame = QFrame()
            frame.setProperty("card", True)
            inside = QVBoxLayout(frame)
            inside.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
            inside.addWidget(self._titles[name])
            self._frames[name] = inside
            grid.addWidget(frame, 1, place)
        grid.setRowStretch(1, 1)

    # What the window asks

    def arrive(self) -> None:
        """Take what is open; the first time, explain the likeliest class and another one."""
        self._offer()

    @property
    def working(self) -> bool:
        """Whether a map is on its way."""
        return self.one.working or self.other.working

    def stop(self) -> None:
        """Stop both."""
        self.one.stop()
        self.other.stop()

    def _offer(self) -> None:
        session = self._window.session
        if self._window.page is not self or not session.figures_ready:
            return
        methods = session.methods
        for side in (self.one, self.other):
            side.offer(methods)
        photo, handle = session.current, session.handle
        if self._begun or photo is None or photo.prediction is None or handle is None:
            return
        self._begun = True
        best = photo.prediction.best_class
        rest = [name for name in handle.card.classes if name != best]
        self.one.choose(method="gradcam", target=best)
        self.other.choose(method="gradcam", target=rest[0] if rest else best)
        self.one.run()
        self.other.run()

    # The pictures

    def _page(self, name: str) -> HeatPage:
        if name not in self.pages:
            from petvision.app.widgets.heat import HeatPage

            page = HeatPage(self._window.theme, self.link, self._window.view.look)
            self.pages[name] = page
            self._frames[name].addWidget(page, 1)
        return self.pages[name]

    def _compare(self) -> None:
        one, other = self.one.attribution, self.other.attribution
        if one is not None and other is not None:
            self._show(compare(one, other))
            return
        self.comparison = None
        self._put("one", _title(one), one, self.one.image)
        self._put("other", _title(other), other, self.other.image)
        self._put("difference", "", None, None)
        self._verdict.setText("")
        self._scale_words.setText("")

    def _put(
        self,
        name: str,
        title: str,
        found: Attribution | None,
        image: QImage | None,
        scale: Scale | None = None,
    ) -> None:
        """Show a map under its title; without one, no picture is left standing."""
        self._titles[name].setText(title)
        if found is not None:
            page = self._page(name)
            page.show_heat(found, image, scale)
            page.show()
        elif name in self.pages:
            self.pages[name].hide()

    def _show(self, made: Comparison) -> None:
        from petvision.figures.scale import shared_scale

        self.comparison = made
        both = made.one, made.other
        for name, side, found in zip(("one", "other"), (self.one, self.other), both, strict=True):
            mates = both if made.shared else (found,)
            scale = shared_scale([mate.heat for mate in mates], found.signed, found.unit)
            self._put(name, _title(found), found, side.image, scale)
        title = (
            self.tr("Two photos have no places in common: no difference")
            if made.difference is None
            else self.tr("First minus second")
        )
        self._put("difference", title, made.difference, self.one.image)
        self._verdict.setText(words.tr(made.words))
        self._scale_words.setText(
            self.tr("Both maps are on one absolute scale: a colour means the same number.")
            if made.shared
            else self.tr("The two maps count in different units, so each has a scale of its own.")
        )


def _title(found: Attribution | None) -> str:
    return "" if found is None else f"{found.card.title}: {found.target.replace('_', ' ')}"
