"""A confusion matrix that is updated in place, epoch after epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from petvision.figures import text
from petvision.figures.charts import name_axes, plain
from petvision.figures.style import LIGHT, Style

NUMBERED = 6
NAMED = 12


class ConfusionGrid:
    """Rows the truth, columns the answer, colour the share of the row; made once."""

    def __init__(self, figure: Figure, style: Style = LIGHT) -> None:
        self.figure = figure
        self.figure.set_layout_engine("constrained")
        self._axes = figure.subplots()
        self._image = self._axes.imshow(np.zeros((1, 1)), vmin=0, vmax=1, interpolation="nearest")
        self._numbers: list[Text] = []
        self._hint = figure.text(
            0.5, 0.5, "The confusion matrix comes with the first epoch.", ha="center",
            va="center", size=text.BODY, family=text.FAMILY,
        )  # fmt: skip
        self._table = np.zeros((0, 0), int)
        self.classes: tuple[str, ...] = ()
        self.restyle(style)

    def restyle(self, style: Style) -> None:
        """Take another style's colours."""
        self._style = style
        self.figure.set_facecolor(style.surface)
        self._hint.set_color(style.muted)
        plain(self._axes, style, grid=False)
        self._image.set_cmap(
            LinearSegmentedColormap.from_list("share", [style.surface, style.accent])
        )
        name_axes(self._axes, style, "Answer", "Truth", "Confusion")
        self._write()

    def show(self, table: Sequence[Sequence[int]], classes: Sequence[str]) -> None:
        """Show counts C×C; no rows show nothing."""
        self._table = np.array(table, int).reshape(len(table), len(table))
        self.classes = tuple(classes) or self.classes
        self._axes.set_visible(len(table) > 0)
        self._hint.set_visible(len(table) == 0)
        if len(table):
            count = len(table)
            rows = np.maximum(self._table.sum(1, keepdims=True), 1)
            self._image.set_data(self._table / rows)
            self._image.set_extent((-0.5, count - 0.5, count - 0.5, -0.5))
            self._axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5))
        self._write()

    def _write(self) -> None:
        for number in self._numbers:
            number.remove()
        self._numbers = []
        count = len(self._table)
        names = [name.replace("_", " ") for name in self.classes]
        if 0 < count <= NAMED and len(names) == count:
            turned = 0 if max(map(len, names)) * count < 36 else 90
            self._axes.set_xticks(range(count), names, rotation=turned)
            self._axes.set_yticks(range(count), names)
        else:
            self._axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
            self._axes.yaxis.set_major_locator(MaxNLocator(8, integer=True))
        if count > NUMBERED:
            return
        for (row, column), number in np.ndenumerate(self._table):
            dark = number > 0.55 * max(1, self._table[row].sum())
            self._numbers.append(
                self._axes.text(
                    column,
                    row,
                    f"{number:,}",
                    ha="center",
                    va="center",
                    size=text.BODY,
                    color=self._style.on_accent if dark else self._style.text,
                )
            )
