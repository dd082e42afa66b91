"""The charts of an evaluation: confusion, ROC, precision-recall, reliability, confidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from petvision.evaluate.results import Evaluation, Figures, Ranking
from petvision.figures import text
from petvision.figures.charts import LINE, THIN, empty_figure, legend, name_axes, plain
from petvision.figures.style import LIGHT, Style

Line = npt.NDArray[np.float64]
Curve = tuple[Line, Line]

NAMED = 30
"""More classes than this are not named along the confusion matrix."""
NUMBERED = 12
"""More classes than this have no counts written into the cells."""
PAIRS = 12
_STEPS = np.linspace(0, 1, 501)


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What the charts are drawn from."""

    evaluation: Evaluation
    figures: Figures
    rankings: tuple[Ranking, ...]


def confusion(material: Material, style: Style = LIGHT) -> Figure:
    """Rows are the truth, columns the answer; colour is the share of the row."""
    table = np.array(material.figures.confusion)
    count = len(table)
    many = count > NAMED
    side = min(3.2 + 0.28 * count, 7.2)
    figure = empty_figure(style, (side + (3.2 if many else 0.9), side))
    axes, *beside = figure.subplots(1, 2, width_ratios=(3, 1)) if many else [figure.subplots()]
    plain(axes, style, grid=False)
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    image = axes.imshow(shares, cmap=_ramp(style), vmin=0, vmax=1, interpolation="nearest")
    words = [c.name.replace("_", " ") for c in material.figures.classes]
    if many:
        axes.xaxis.set_major_locator(MaxNLocator(11, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(11, integer=True))
        _write_pairs(beside[0], table, words, style)
    else:
        turned = 0 if max(map(len, words)) * count < 60 else 90
        axes.set_xticks(range(count), words, rotation=turned)
        axes.set_yticks(range(count), words)
    if count <= NUMBERED:
        _write_counts(axes, table, shares, style)
    name_axes(axes, style, "Answer (best known class)", "Truth", "Confusion matrix")
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=30, format=PercentFormatter(1))
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=style.muted, labelsize=text.SMALL, labelfontfamily=text.FAMILY)
    bar.set_label("Share of the truth’s photos", color=style.text, size=text.SMALL)
    return figure


def _ramp(style: Style) -> Colormap:
    return LinearSegmentedColormap.from_list("share", [style.surface, style.accent])


def _write_counts(
    axes: Axes, table: npt.NDArray[np.int64], shares: npt.NDArray[np.float64], style: Style
) -> None:
    for (row, column), number in np.ndenumerate(table):
        colour = style.on_accent if shares[row, column] > 0.55 else style.text
        axes.text(
            column, row, f"{number:,}", ha="center", va="center", color=colour,
            size=text.BODY, family=text.FAMILY,
        )  # fmt: skip


def _write_pairs(axes: Axes, table: npt.NDArray[np.int64], words: list[str], style: Style) -> None:
    """The commonest mistakes in words, where the matrix is too fine to read."""
    axes.set_axis_off()
    wrong = table.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    lines = []
    for row, column in zip(*np.unravel_index(order, wrong.shape), strict=True):
        if wrong[row, column]:
            lines.append(f"{wrong[row, column]:>3}  {words[row]} → {words[column]}")
    axes.set_title(
        "Commonest mistakes", color=style.text, size=text.BODY, family=text.FAMILY, loc="left"
    )
    axes.text(
        0, 0.98, "\n".join(lines) or "none", va="top", color=style.text, size=text.SMALL,
        family=text.FAMILY, linespacing=1.7, transform=axes.transAxes, parse_math=False,
    )  # fmt: skip


def roc(material: Material, style: Style = LIGHT) -> Figure:
    """Found positives against false alarms; the corner enlarged where the curve hugs it."""
    curves = [(r.name, (r.steps.false_alarms, r.steps.recall)) for r in material.rankings]
    figure = empty_figure(style)
    axes = plain(figure.subplots(), style)
    axes.plot([0, 1], [0, 1], color=style.line, linewidth=1, linestyle=(0, (4, 3)))
    words = f"AUC {material.figures.roc_auc:.5f}"
    _draw(axes, curves, style, words)
    name_axes(axes, style, "False alarms", "Found", _one_of(material, "ROC curve"))
    _unit(axes)
    if material.figures.roc_auc > 0.99:
        corner = _inset(axes, (0.42, 0.14, 0.52, 0.46), style)
        _draw(corner, curves, style, "")
        corner.set(xlim=(0, 0.05), ylim=(0.95, 1.001))
    legend(axes, style, "lower right")
    return figure


def precision_recall(material: Material, style: Style = LIGHT) -> Figure:
    """How many of those taken are right, by how many are found."""
    curves = [(r.name, _until_all(r.steps.recall, r.steps.precision)) for r in material.rankings]
    figure = empty_figure(style)
    axes = plain(figure.subplots(), style)
    words = f"Average precision {material.figures.average_precision:.4f}"
    _draw(axes, curves, style, words)
    title = _one_of(material, "Precision and recall")
    name_axes(axes, style, "Recall", "Precision", title)
    _unit(axes)
    if material.figures.average_precision > 0.99:
        corner = _inset(axes, (0.12, 0.2, 0.52, 0.46), style)
        _draw(corner, curves, style, "")
        corner.set(xlim=(0.95, 1.001), ylim=(0.95, 1.001))
    legend(axes, style, "lower left")
    return figure


def _until_all(recall: Line, precision: Line) -> Curve:
    """The curve up to where everything is found: what is taken later tells nothing."""
    end = int(np.searchsorted(recall, 1.0)) + 1
    return recall[:end], precision[:end]


def _one_of(material: Material, title: str) -> str:
    """Which class a chart of two speaks of."""
    classes = material.evaluation.classes
    if len(classes) == 2:
        return f"{title}: {classes[1]} against {classes[0]}".replace("_", " ")
    return f"{title}: each class against the rest"


def _draw(axes: Axes, curves: list[tuple[str, Curve]], style: Style, words: str) -> None:
    """One curve as it is; of several the mean stands out."""
    if len(curves) == 1:
        x, y = curves[0][1]
        axes.step(x, y, where="post", color=style.accent, linewidth=LINE, label=words or None)
        return
    alpha = 0.5 if len(curves) <= 20 else 0.2
    for _, (x, y) in curves:
        axes.step(x, y, where="post", color=style.muted, linewidth=THIN, alpha=alpha)
    if curves:
        mean = np.mean([_held(curve) for _, curve in curves], axis=0)
        label = f"Mean of {len(curves)} classes, {words[:1].lower()}{words[1:]}" if words else None
        label = label.replace("aUC", "AUC") if label else None
        axes.plot(_STEPS, mean, color=style.accent, linewidth=LINE, label=label)


def _held(curve: Curve) -> npt.NDArray[np.float64]:
    """A step curve's value at equal steps across."""
    x, y = curve
    return np.asarray(y[np.searchsorted(x, _STEPS, side="right") - 1], np.float64)


def _inset(axes: Axes, place: tuple[float, float, float, float], style: Style) -> Axes:
    inner = plain(axes.inset_axes(place), style)
    for spine in inner.spines.values():
        spine.set_visible(True)
    inner.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    inner.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    inner.xaxis.set_major_locator(MaxNLocator(3))
    inner.yaxis.set_major_locator(MaxNLocator(3))
    return inner


def _unit(axes: Axes) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_aspect("equal")


def reliability(material: Material, style: Style = LIGHT) -> Figure:
    """How often answers of a confidence are right; below, how many answers each bin holds."""
    figures = material.figures
    figure = empty_figure(style, (4.8, 4.8))
    axes, below = figure.subplots(2, 1, height_ratios=(4, 1), sharex=True)
    plain(axes, style)
    plain(below, style)
    axes.plot([0, 1], [0, 1], color=style.line, linewidth=1, linestyle=(0, (4, 3)))
    before, after = figures.reliability_before, figures.reliability
    if material.evaluation.temperature != 1:
        axes.plot(
            [b.confidence for b in before], [b.accuracy for b in before], "s", color=style.muted,
            fillstyle="none", markersize=5, label=f"Before, ECE {figures.ece_before:.4f}",
        )  # fmt: skip
    axes.plot(
        [b.confidence for b in after], [b.accuracy for b in after], "o", color=style.accent,
        markersize=5, alpha=0.9,
        label=f"At temperature {material.evaluation.temperature:.3g}, ECE {figures.ece_after:.4f}",
    )  # fmt: skip
    confidence = material.evaluation.scores.max(1)
    seen = [b.confidence for b in after] + [b.accuracy for b in (*before, *after)]
    low = max(0.0, min(seen) - 0.05)
    axes.set(xlim=(low, 1 + 0.02 * (1 - low)), ylim=(low, 1 + 0.02 * (1 - low)))
    below.hist(confidence, bins=np.linspace(low, 1, 31).tolist(), color=style.accent, alpha=0.7)
    below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    for part in (axes, below):
        part.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    bins = len(after)
    name_axes(axes, style, "", "Right", f"Reliability, {bins} bins of equal mass")
    name_axes(below, style, "Confidence", "Photos")
    legend(axes, style)
    return figure


def confidence(material: Material, style: Style = LIGHT) -> Figure:
    """How sure right and wrong answers were."""
    top, right = material.evaluation.scores.max(1), material.evaluation.right
    figure = empty_figure(style, (4.8, 3.4))
    axes = plain(figure.subplots(), style)
    edges = np.linspace(1 / len(material.evaluation.classes), 1, 26).tolist()
    axes.hist(
        top[right], bins=edges, color=style.accent, alpha=0.75, label=f"{int(right.sum()):,} right"
    )
    axes.hist(
        top[~right], bins=edges, color=style.bad, hatch="////", edgecolor=style.surface,
        linewidth=0, label=f"{int((~right).sum()):,} wrong",
    )  # fmt: skip
    axes.set_yscale("symlog", linthresh=1)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    name_axes(axes, style, "Confidence", "Photos (logarithmic)", "Confidence of the answers")
    legend(axes, style, "upper left")
    return figure


CHARTS: Mapping[str, Callable[[Material, Style], Figure]] = {
    "confusion": confusion,
    "roc": roc,
    "precision_recall": precision_recall,
    "reliability": reliability,
    "confidence": confidence,
}
