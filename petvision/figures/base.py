"""What every panel does: words above and below, a scale, a layout that follows the size.

A panel makes its artists once and changes them in place (``set_data``), because building axes
takes several times as long as drawing them. It lays itself out whenever the figure is drawn at
another size. No pyplot, no Qt, no torch.

``bare`` panels hold the picture and its scale only (the window says the rest in its own widgets);
others carry title, sentence, facts and parameters as well, for files.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from matplotlib.figure import Figure
from matplotlib.layout_engine import LayoutEngine

from petvision.explain.results import Attribution, Explanation
from petvision.figures import text
from petvision.figures.parts import Area, Paragraph, ScaleBar
from petvision.figures.style import LIGHT, Style
from petvision.images.types import Geometry, Picture

E = TypeVar("E", bound=Explanation)

MARGIN = 0.18
BARE_MARGIN = 0.04
PARAGRAPH = 0.07
"""Inches."""


class Panel(ABC, Generic[E]):
    """One explanation in one figure.

    Args:
        figure: an empty figure of any size; the panel owns what is in it.
        style: its colours.
        bare: only picture and scale.
    """

    def __init__(self, figure: Figure, style: Style = LIGHT, *, bare: bool = False) -> None:
        self.figure = figure
        self.style = style
        self.bare = bare
        self._shown: tuple[E, Picture | None] | None = None
        self._laid_out: tuple[float, float] | None = None
        self._scale = ScaleBar(figure)
        self._title = Paragraph(figure, text.TITLE, bold=True)
        self._sentence = Paragraph(figure, text.BODY, muted=True)
        self._facts = Paragraph(figure, text.SMALL)
        self._small_print = Paragraph(figure, text.SMALL, muted=True)
        self._build()
        figure.set_layout_engine(_Layout(self))
        self.restyle(style)

    def show(self, explanation: E, photo: Picture | None = None) -> None:
        """Put an explanation into the figure; drawing it is the canvas's business.

        Args:
            explanation: of the panel's kind.
            photo: the photo it explains, upright and uncropped, of any size.
        """
        self._shown = (explanation, photo)
        self._laid_out = None
        if not self.bare:
            self._title.words = _title(explanation)
            self._sentence.words = explanation.card.sentence
            self._facts.words = " · ".join(str(fact) for fact in explanation.facts)
            self._small_print.words = " · ".join(_small_print(explanation))
        self._update(explanation, photo)

    def restyle(self, style: Style) -> None:
        """Take another style's colours."""
        self.style = style
        self.figure.set_facecolor(style.surface)
        for part in (self._scale, self._title, self._sentence, self._facts, self._small_print):
            part.colour(style)
        self._colour(style)
        if self._shown is not None:
            self.show(*self._shown)

    def lay_out(self) -> None:
        """Place everything at the figure's size, where that is new."""
        wide, high = (float(side) for side in self.figure.get_size_inches())
        if self._laid_out == (wide, high):
            return
        self._laid_out = (wide, high)
        margin = self._margin
        area = Area(margin, margin, max(wide - 2 * margin, 0.01), max(high - 2 * margin, 0.01))
        if not self.bare:
            area = self._put_words(area)
        below = self._scale.fit(area.width)
        self._scale.put(Area(area.left, area.bottom, area.width, below))
        self._place(area.without(below=below))

    def height_for(self, width: float) -> float:
        """The height, in inches, at which what is shown fills a figure of that width."""
        inner = width - 2 * self._margin
        words = (self._title, self._sentence, self._facts, self._small_print)
        heights = [paragraph.fit(inner) for paragraph in words]
        around = sum(height + PARAGRAPH for height in heights if height)
        return 2 * self._margin + around + self._scale.fit(inner) + self._height(inner)

    def filter_at(self, across: float, down: float) -> tuple[str, int] | None:
        """The layer and filter whose picture lies at a place of the figure; None where none does.

        Args:
            across: share of the figure's width, from the left.
            down: share of its height, from the top.
        """
        return None

    @property
    def _margin(self) -> float:
        return BARE_MARGIN if self.bare else MARGIN

    def _put_words(self, area: Area) -> Area:
        """Title and sentence above, facts and small print below; returns what is left between."""
        for paragraph in (self._title, self._sentence):
            height = paragraph.fit(area.width)
            paragraph.put(area.left, area.top)
            area = area.without(above=height + (PARAGRAPH if height else 0))
        for paragraph in (self._small_print, self._facts):
            height = paragraph.fit(area.width)
            paragraph.put(area.left, area.bottom + height)
            area = area.without(below=height + (PARAGRAPH if height else 0))
        return area

    @abstractmethod
    def _build(self) -> None:
        """Make the artists."""

    @abstractmethod
    def _colour(self, style: Style) -> None:
        """Give the artists their colours."""

    @abstractmethod
    def _update(self, explanation: E, photo: Picture | None) -> None:
        """Change the artists."""

    @abstractmethod
    def _height(self, width: float) -> float:
        """Height of the picture at that width, in inches."""

    @abstractmethod
    def _place(self, area: Area) -> None:
        """Lay the artists out."""


class _Layout(LayoutEngine):
    """Matplotlib asks it to lay the figure out before each drawing."""

    _adjust_compatible = False
    _colorbar_gridspec = False

    def __init__(self, panel: Panel[Any]) -> None:
        super().__init__()
        self._panel = panel

    def execute(self, fig: Figure) -> None:
        self._panel.lay_out()


def unseen(geometry: Geometry) -> bool:
    """Whether a part of the photo lies outside what the network sees."""
    return geometry.box != (0, 0, geometry.width, geometry.height)


def _title(explanation: Explanation) -> str:
    title = explanation.card.title
    return f"{title}: {explanation.target}" if isinstance(explanation, Attribution) else title


def _small_print(explanation: Explanation) -> Iterator[str]:
    """What is hatched, the parameters that mean something, then model and engine."""
    if isinstance(explanation, Attribution) and unseen(explanation.geometry):
        yield "hatched: not seen by the network"
    for key, value in explanation.parameters.items():
        if value != "" and (key != "seed" or explanation.provenance.seed is not None):
            yield f"{key.replace('_', ' ')} {value}"
    yield explanation.provenance.model.name
    if explanation.provenance.engine != "none":
        yield explanation.provenance.engine
