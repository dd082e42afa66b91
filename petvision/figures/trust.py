"""What stands behind a trust badge: how the class comes and goes as the photo is uncovered."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from petvision.explain.results import Curves, Trust
from petvision.figures import text
from petvision.figures.style import LIGHT, Style

WAYS = (
    ("insertion", "uncovered, hottest places first", "Higher is better"),
    ("deletion", "covered, hottest places first", "Lower is better"),
)


class TrustFigure:
    """Insertion and deletion curves of a map, of random orders and of round spots."""

    def __init__(self, figure: Figure, style: Style = LIGHT) -> None:
        self.figure = figure
        self._axes: list[Axes] = list(figure.subplots(1, 2, sharey=True))
        figure.subplots_adjust(left=0.09, right=0.96, top=0.8, bottom=0.17, wspace=0.08)
        self._trust: Trust | None = None
        self.restyle(style)

    def show(self, trust: Trust) -> None:
        """Draw the curves of a badge; nothing where there was nothing to judge."""
        self._trust = trust
        style = self._style
        for axes, (way, words, better) in zip(self._axes, WAYS, strict=True):
            axes.clear()
            self._frame(axes)
            axes.set_title(better, size=text.BODY, color=style.text, family=text.FAMILY, loc="left")
            axes.set_xlabel(
                f"share of the photo {words}", size=text.SMALL, color=style.muted,
                family=text.FAMILY,
            )  # fmt: skip
            for curves, colour, dashes in (
                (trust.random, style.muted, (0, (1, 1.5))),
                (trust.blob, style.unknown, (0, (5, 2))),
                (trust.own, style.accent, "-"),
            ):
                if curves is not None:
                    self._curve(axes, curves, way, colour, dashes)
        self._axes[0].set_ylabel(
            f"probability of {trust.target}", size=text.SMALL, color=style.muted,
            family=text.FAMILY,
        )  # fmt: skip
        for legend in self.figure.legends:
            legend.remove()
        if trust.own is not None:
            self.figure.legend(
                handles=self._axes[0].lines, loc="upper right", ncols=3, frameon=False,
                labelcolor=style.text, prop={"size": text.SMALL, "family": text.FAMILY},
            )  # fmt: skip

    def _curve(self, axes: Axes, curves: Curves, way: str, colour: str, dashes: object) -> None:
        values = curves.insertion if way == "insertion" else curves.deletion
        shares = 100 * curves.shares
        mean = values.mean(0)
        if len(values) > 1:
            low, high = np.percentile(values, (10, 90), axis=0)
            axes.fill_between(shares, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            shares, mean, color=colour, linestyle=dashes, linewidth=2,
            label=curves.words,
        )  # fmt: skip

    def _frame(self, axes: Axes) -> None:
        style = self._style
        axes.set_facecolor(style.surface)
        axes.set(xlim=(0, 100), ylim=(-0.02, 1.02))
        axes.set_xticks([0, 25, 50, 75, 100], ["0", "25", "50", "75", "100 %"])
        axes.set_yticks([0, 0.5, 1.0])
        axes.grid(color=style.line, linewidth=0.6)
        axes.tick_params(colors=style.muted, labelsize=text.SMALL, length=0)
        for spine in axes.spines.values():
            spine.set_color(style.line)

    def restyle(self, style: Style) -> None:
        """Take another style's colours."""
        self._style = style
        self.figure.set_facecolor(style.surface)
        if self._trust is not None:
            self.show(self._trust)
        else:
            for axes in self._axes:
                self._frame(axes)
