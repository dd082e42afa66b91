"""The curves of a training, updated in place while it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from petvision.evaluate.results import Moment
from petvision.figures.charts import LINE, empty_figure, legend, name_axes, plain
from petvision.figures.style import LIGHT, Style


class Curves:
    """Loss on the left, accuracy and F1 on the right, by epoch.

    The artists are made once; ``show`` moves them. ``figure`` may be of any size.
    """

    def __init__(self, figure: Figure, style: Style = LIGHT) -> None:
        self.figure = figure
        self.figure.set_layout_engine("constrained")
        self._losses, self._shares = self.figure.subplots(1, 2)
        self._moments: tuple[Moment, ...] = ()
        self._lines: dict[str, Line2D] = {}
        for axes, name, words in (
            (self._losses, "loss", "Training"),
            (self._losses, "validation_loss", "Validation"),
            (self._shares, "accuracy", "Accuracy"),
            (self._shares, "f1", "F1"),
        ):
            (self._lines[name],) = axes.plot([], [], linewidth=LINE, marker="o", label=words)
            self._lines[name].set_markersize(3)
        (self._best,) = self._losses.plot([], [], "D", markersize=7, fillstyle="none", label="Best")
        self.restyle(style)

    def restyle(self, style: Style) -> None:
        """Take another style's colours."""
        self.figure.set_facecolor(style.surface)
        for axes in (self._losses, self._shares):
            plain(axes, style)
            axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        self._shares.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        name_axes(self._losses, style, "Epoch", "", "Loss")
        name_axes(self._shares, style, "Epoch", "", "Validation")
        colours = (style.muted, style.accent, style.accent, style.unknown)
        for line, colour in zip(self._lines.values(), colours, strict=True):
            line.set_color(colour)
        self._lines["loss"].set_linestyle((0, (4, 2)))
        self._lines["f1"].set_linestyle((0, (1, 1)))
        self._best.set_color(style.text)
        legend(self._losses, style, "upper right")
        legend(self._shares, style, "lower right")

    def show(self, moments: Sequence[Moment]) -> None:
        """Show the epochs so far; drawing is the canvas's business."""
        self._moments = tuple(moments)
        for name, line in self._lines.items():
            points = [(m.epoch, getattr(m, name)) for m in self._moments]
            points = [(x, y) for x, y in points if not math.isnan(y)]
            line.set_data([x for x, _ in points], [y for _, y in points])
        judged = [m for m in self._moments if not math.isnan(m.validation_loss)]
        best = min(judged, key=lambda m: m.validation_loss, default=None)
        self._best.set_data(*([best.epoch], [best.validation_loss]) if best else ([], []))
        for axes in (self._losses, self._shares):
            _fit(axes)


def _fit(axes: Axes) -> None:
    axes.relim()
    axes.autoscale()
    if not any(len(line.get_xdata()) for line in axes.get_lines()):  # type: ignore[arg-type]
        axes.set(xlim=(0, 1), ylim=(0, 1))


def curves(moments: Sequence[Moment], style: Style = LIGHT) -> Figure:
    """The curves of a finished training as a figure for a file."""
    figure = empty_figure(style, (7.6, 3.4))
    Curves(figure, style).show(moments)
    return figure
