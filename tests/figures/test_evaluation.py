"""The charts of an evaluation say what its figures say."""

import numpy as np
import pytest

from petvision.evaluate.results import Evaluation, Moment, figures_of, rankings
from petvision.figures.charts import file_of
from petvision.figures.evaluation import CHARTS, Material, confusion, reliability, roc
from petvision.figures.style import DARK, LIGHT
from petvision.figures.training import curves
from petvision.models.results import ModelIdentity


def material(classes: int, count: int = 120, strength: float = 2.0) -> Material:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, count)
    logits = rng.normal(size=(count, classes)) + strength * np.eye(classes)[labels]
    evaluation = Evaluation(
        model=ModelIdentity("hand-made", "00"),
        engine="torch-fp32",
        data="none",
        classes=tuple(f"kind_{c}" for c in range(classes)),
        temperature=1.5,
        paths=tuple(f"{i}.jpg" for i in range(count)),
        logits=logits.astype(np.float32),
        labels=labels,
        unknown_scores=np.full(count, np.nan),
        refused=np.zeros(count, np.bool_),
    )
    return Material(evaluation, figures_of(evaluation), rankings(evaluation))


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("classes", [2, 10, 40])
def test_every_chart_is_drawn_for_few_and_many_classes(chart, classes):
    figure = CHARTS[chart](material(classes), DARK)
    figure.canvas.draw()
    assert any(axes.get_title(loc="left") for axes in figure.axes)


def test_the_confusion_matrix_shows_the_counts():
    shown = material(3)
    texts = [t.get_text() for t in confusion(shown, LIGHT).axes[0].texts]
    assert texts == [str(n) for row in shown.figures.confusion for n in row]


def test_the_commonest_mistake_is_told_where_the_matrix_is_too_fine_to_read():
    shown = material(40)
    table = np.array(shown.figures.confusion)
    np.fill_diagonal(table, 0)
    truth, answer = np.unravel_index(table.argmax(), table.shape)
    first, *_ = confusion(shown, LIGHT).axes[1].texts[0].get_text().splitlines()
    assert first.split(maxsplit=1) == [str(table.max()), f"kind {truth} → kind {answer}"]


def test_the_area_under_the_drawn_curve_is_the_figure():
    shown = material(2)
    [curve] = [line for line in roc(shown, LIGHT).axes[0].get_lines() if line.get_label()[0] != "_"]
    x, y = curve.get_data()
    assert np.trapezoid(y, x) == pytest.approx(shown.figures.roc_auc, abs=1e-9)


def test_the_reliability_diagram_has_the_bins_of_the_calibration_error():
    shown = material(4)
    lines = reliability(shown, LIGHT).axes[0].get_lines()
    assert list(lines[-1].get_xdata()) == [b.confidence for b in shown.figures.reliability]
    assert f"{shown.figures.ece_after:.4f}" in lines[-1].get_label()


def test_curves_are_drawn_from_what_was_measured():
    nan = float("nan")
    figure = curves([Moment(0, nan, 0.7, 0.5, nan), Moment(1, 0.6, 0.5, 0.8, nan)])
    lines = {line.get_label(): line.get_xydata().tolist() for a in figure.axes for line in a.lines}
    assert lines["Training"] == [[1, 0.6]]
    assert lines["Validation"] == [[0, 0.7], [1, 0.5]]
    assert lines["Best"] == [[1, 0.5]]
    assert lines["F1"] == []


def test_a_file_is_the_same_for_the_same_figures():
    first, second = (file_of(roc(material(2), LIGHT), "svg") for _ in range(2))
    assert first == second
