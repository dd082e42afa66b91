"""The evaluation folder: every answer and every figure of a model on labelled photos."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from petvision.errors import ConfigError, OutputError
from petvision.evaluate.datasets import labelled_photos, parse_spec
from petvision.evaluate.results import Evaluation, Figures, figures_of
from petvision.evaluate.run import evaluate, strangeness
from petvision.evaluate.unknown import Separation, separation
from petvision.events import Progress, Result
from petvision.models.files import write_atomically
from petvision.models.handle import ModelHandle

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation's figures, its separations by name, the files written, photos unread."""

    figures: Figures
    strange: dict[str, Separation]
    files: list[Path]
    unread: tuple[tuple[str, str], ...]


def evaluate_to_folder(
    handle: ModelHandle, spec: str, folder: Path, negatives: Sequence[str] = ()
) -> Iterator[Progress | Result[Report]]:
    """Evaluate a model on a data SPEC and write the evaluation folder.

    Args:
        handle: the model, with the engine to use.
        spec: such as ``pets:DIR@test``.
        folder: where to write.
        negatives: SPECs or folders of photos that are none of the classes; each is reported
            under its name against the evaluated data.

    Raises:
        ConfigError, InputError, OutputError: as the rooms say.
    """
    parsed = parse_spec(spec)
    score = handle.heads.unknown
    if negatives and score is None:
        raise ConfigError(
            "several", "--unknown", problems=f"{handle.card.name} never says it does not know"
        )
    # The quick parts first: what cannot be read or written is told before the long one.
    _make(folder)
    scores = {}
    for name in negatives:
        scores[name] = yield from _run(strangeness(handle, name))
    evaluation = yield from _run(evaluate(handle, labelled_photos(parsed), str(parsed)))
    strange = {}
    for name, values in scores.items():
        assert score is not None  # checked above
        known = evaluation.unknown_scores
        shown = Path(name).name if Path(name).name not in strange else name
        strange[shown] = separation(known, values, score.threshold)
    files = write_evaluation(evaluation, folder, strange)
    yield Result(Report(figures_of(evaluation), strange, files, evaluation.unread))


def _run(events: Iterator[Progress | Result[T]]) -> Generator[Progress, None, T]:
    """Pass a job's progress on and return its result."""
    for event in events:
        if isinstance(event, Result):
            return event.value
        yield event
    raise RuntimeError("the job ended without a result")


def write_evaluation(
    evaluation: Evaluation, folder: Path, strange: dict[str, Separation] | None = None
) -> list[Path]:
    """Write ``metrics.json`` and ``predictions.csv``.

    Args:
        evaluation: the answers.
        folder: made when it is not there.
        strange: how the unknown score tells the data from folders of something else, by name.

    Returns:
        The files written.

    Raises:
        OutputError: when the folder cannot be written.
    """
    _make(folder)
    metrics, answers = folder / "metrics.json", folder / "predictions.csv"
    tree = metrics_json(evaluation, figures_of(evaluation), strange or {})
    write_atomically(metrics, json.dumps(tree, indent=1).encode())
    write_atomically(answers, predictions_csv(evaluation).encode("utf-8", "replace"))
    return [metrics, answers]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("read_only", str(folder), reason=error.strerror or "") from error


def metrics_json(
    evaluation: Evaluation, figures: Figures, strange: dict[str, Separation]
) -> dict[str, object]:
    """The contract's ``metrics.json`` as plain values; what is not a number is null."""
    tree: dict[str, object] = {
        "model": asdict(evaluation.model),
        "engine": evaluation.engine,
        "data": evaluation.data,
        "temperature": evaluation.temperature,
        **asdict(figures),
        "unknown": {name: asdict(found) for name, found in strange.items()},
        "unread": [{"path": path, "why": why} for path, why in evaluation.unread],
    }
    return {key: _number(value) for key, value in tree.items()}


def _number(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


def predictions_csv(evaluation: Evaluation) -> str:
    """One row a photo: path, truth, label (best known class), refused, each score, strangeness."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    classes = evaluation.classes
    rows.writerow(["path", "truth", "label", "unknown", *classes, "unknown_score"])
    scores = evaluation.scores
    for i, path in enumerate(evaluation.paths):
        strangeness = evaluation.unknown_scores[i]
        rows.writerow(
            [
                path.encode("utf-8", "replace").decode(),
                classes[evaluation.labels[i]],
                classes[int(evaluation.logits[i].argmax())],
                int(evaluation.refused[i]),
                *(f"{s:.6f}" for s in scores[i]),
                "" if math.isnan(strangeness) else f"{strangeness:.6f}",
            ]
        )
    return text.getvalue()
