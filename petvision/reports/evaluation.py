"""The evaluation folder: every answer and every figure of a model on labelled photos."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from petvision.errors import OutputError
from petvision.evaluate.datasets import labelled_photos, parse_spec
from petvision.evaluate.results import (
    Evaluation,
    Figures,
    Moment,
    Strange,
    figures_of,
    rankings,
)
from petvision.evaluate.run import against, evaluate, strangeness
from petvision.evaluate.suite import suite_of
from petvision.events import Progress, Result, through
from petvision.figures.charts import file_of
from petvision.figures.evaluation import CHARTS, Material
from petvision.figures.style import PRINT
from petvision.figures.training import curves
from petvision.models.files import write_atomically
from petvision.models.handle import ModelHandle
from petvision.models.predict import Unknown
from petvision.reports.evaluation_html import page
from petvision.reports.inside import inside
from petvision.reports.mistakes import answers_sheet, mistakes
from petvision.reports.stored import LEARNED

MISTAKES = "mistakes"
FIGURES = "figures"


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation's figures, the strange photos by name, the files written, photos unread."""

    figures: Figures
    strange: Mapping[str, Strange]
    files: list[Path]
    unread: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an evaluation looks at beside the data.

    ``unknown`` is when to refuse a photo (see ``predict``); ``negatives`` are folders of photos of
    none of the classes; ``reference`` a SPEC of photos like those the model was trained on, for
    the scores that measure distances. ``figures``: the model's filters and feature maps too.
    """

    unknown: Unknown = "auto"
    negatives: tuple[str, ...] = ()
    reference: str = ""
    figures: bool = False


def evaluate_to_folder(
    handle: ModelHandle, spec: str, folder: Path, wishes: Wishes | None = None
) -> Iterator[Progress | Result[Report]]:
    """Evaluate a model on a data SPEC and write the evaluation folder.

    Args:
        handle: the model, with the engine to use.
        spec: such as ``pets:DIR@test``.
        folder: where to write.
        wishes: what else to look at.

    Raises:
        ConfigError, InputError, OutputError: as the rooms say.
    """
    wishes = wishes or Wishes()
    parsed = parse_spec(spec)
    photos = labelled_photos(parsed)
    # The quick parts first: what cannot be read or written is told before the long one.
    make(folder)
    known = (
        labelled_photos(parse_spec(wishes.reference, "trainval", "--reference"))
        if wishes.reference
        else []
    )
    suite = None
    negatives = {}
    if wishes.negatives:
        suite = yield from through(suite_of(handle, known))
        for place in wishes.negatives:
            shown = Path(place).name if Path(place).name not in negatives else place
            negatives[shown] = yield from through(strangeness(suite, place))
    evaluation = yield from through(
        evaluate(handle, photos, str(parsed), unknown=wishes.unknown, suite=suite)
    )
    strange = {
        name: against(handle, evaluation, found, wishes.unknown)
        for name, found in negatives.items()
    }
    report = yield from through(written(evaluation, folder, strange, handle=handle))
    if wishes.figures:
        surest = int(evaluation.scores.max(1).argmax())
        pictures = yield from through(inside(handle, evaluation.files[surest]))
        more = _Folder(folder)
        for name, content in pictures.items():
            more.write(f"{FIGURES}/{name}", content)
        report = replace(report, files=[*report.files, *more.files])
    yield Result(report)


@dataclass(frozen=True, slots=True, eq=False)
class _Folder:
    """Files that were written into the evaluation folder, in order."""

    place: Path
    files: list[Path] = field(default_factory=list)

    def write(self, name: str, content: bytes) -> None:
        write_atomically(self.place / name, content)
        self.files.append(self.place / name)


def written(
    evaluation: Evaluation,
    place: Path,
    strange: Mapping[str, Strange] | None = None,
    history: Sequence[Moment] = (),
    handle: ModelHandle | None = None,
) -> Iterator[Progress | Result[Report]]:
    """Write the evaluation folder, file by file.

    Args:
        evaluation: the answers.
        place: made when it is not there.
        strange: how photos of something else were told apart, by name.
        history: the training's epochs, where there was one.
        handle: the model, for the heat of the worst mistakes.

    Raises:
        OutputError: when the folder cannot be written.
    """
    make(place)
    folder, figures = _Folder(place), figures_of(evaluation)
    tree = metrics_json(evaluation, figures, strange or {})
    folder.write("metrics.json", json.dumps(tree, indent=1).encode())
    folder.write("predictions.csv", predictions_csv(evaluation).encode("utf-8", "replace"))
    material = Material(evaluation, figures, rankings(evaluation))
    for number, (name, draw) in enumerate(CHARTS.items()):
        yield Progress(number, len(CHARTS), "charts")
        figure = draw(material, PRINT)
        folder.write(f"{name}.png", file_of(figure, "png"))
        folder.write(f"{name}.svg", file_of(figure, "svg"))
    if history:
        figure = curves(history, PRINT)
        folder.write("curves.png", file_of(figure, "png"))
        folder.write("curves.svg", file_of(figure, "svg"))
    if (content := answers_sheet(evaluation)) is not None:
        folder.write("predictions.png", content)
    if handle is not None:
        found = yield from through(mistakes(handle, evaluation))
        clear(place / MISTAKES)
        for name, content in found.items():
            folder.write(f"{MISTAKES}/{name}", content)
    text = yield from through(page(material, strange or {}))
    folder.write("report.html", text.encode("utf-8", "replace"))
    yield Result(Report(figures, strange or {}, folder.files, evaluation.unread))


def clear(folder: Path) -> None:
    """Make a folder of ours empty: a former evaluation had other mistakes.

    Raises:
        OutputError: when that is not possible.
    """
    make(folder)
    try:
        for old in folder.glob("[0-9][0-9] *.png"):
            old.unlink()
    except OSError as error:
        raise OutputError("read_only", str(folder), reason=error.strerror or "") from error


def make(folder: Path) -> None:
    """Make a folder where there is none.

    Raises:
        OutputError: when that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("read_only", str(folder), reason=error.strerror or "") from error


def metrics_json(
    evaluation: Evaluation, figures: Figures, strange: Mapping[str, Strange]
) -> dict[str, object]:
    """The contract's ``metrics.json`` as plain values; what is not a number is null."""
    tree: dict[str, object] = {
        "model": asdict(evaluation.model),
        "engine": evaluation.engine,
        "data": evaluation.data,
        "temperature": evaluation.temperature,
        **asdict(figures),
        "unknown": {name: _strange_json(found) for name, found in strange.items()},
        "unread": [{"path": path, "why": why} for path, why in evaluation.unread],
    }
    return {key: _number(value) for key, value in tree.items()}


def _strange_json(strange: Strange) -> dict[str, object]:
    """The model's own verdict flat, the other scores below it."""
    return {
        "score": strange.score,
        **asdict(strange.verdict),
        "unread": strange.negatives.unread,
        "scores": {name: asdict(figures) for name, figures in strange.scores.items()},
    }


def _number(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


def predictions_csv(evaluation: Evaluation) -> str:
    """One row a photo: path, truth, label (best known class), refused, each score, strangeness.

    A last column tells which the model was trained or chosen on, where it was on any.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    classes = evaluation.classes
    learned = evaluation.learned if evaluation.learned.any() else None
    last = [] if learned is None else [LEARNED]
    rows.writerow(["path", "truth", "label", "unknown", *classes, "unknown_score", *last])
    scores, answers = evaluation.scores, evaluation.answers
    places = [str(file) for file in evaluation.files] or evaluation.paths
    for i, path in enumerate(places):
        strangeness = evaluation.unknown_scores[i]
        rows.writerow(
            [
                path.encode("utf-8", "replace").decode(),
                classes[evaluation.labels[i]],
                classes[answers[i]],
                int(evaluation.refused[i]),
                *(f"{s:.9g}" for s in scores[i]),
                "" if math.isnan(strangeness) else f"{strangeness:.9g}",
                *([] if learned is None else [int(learned[i])]),
            ]
        )
    return text.getvalue()
