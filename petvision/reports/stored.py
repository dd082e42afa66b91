"""An evaluation folder read back: the answers, and which photos are behind a number. No torch."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import numpy.typing as npt

from petvision.errors import InputError
from petvision.evaluate.calibration import members
from petvision.evaluate.results import Evaluation
from petvision.models.results import ModelIdentity

LEARNED = "learned"
"""The column of ``predictions.csv`` that tells which photos the model was trained or chosen on."""
LEAST = 1e-9
"""Scores are kept with nine digits."""


def read_evaluation(folder: Path) -> Evaluation:
    """The answers of an evaluation folder; logits are those that give its scores.

    Raises:
        InputError: ``not_found`` or ``unreadable`` when it is no such folder.
    """
    try:
        metrics = json.loads((folder / "metrics.json").read_bytes())
        with (folder / "predictions.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return _evaluation(metrics, rows)
    except FileNotFoundError:
        remedy = "An evaluation folder holds metrics.json and predictions.csv."
        raise InputError("not_found", str(folder), remedy=remedy) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"is no evaluation folder ({error})"
        raise InputError("unreadable", str(folder), reason=reason) from error


def _evaluation(metrics: Mapping[str, Any], rows: list[dict[str, str]]) -> Evaluation:
    classes = tuple(str(c["name"]) for c in metrics["classes"])
    temperature = float(metrics["temperature"])
    scores = np.array([[float(row[name]) for name in classes] for row in rows], np.float64)
    unknown = [row["unknown_score"] for row in rows]
    return Evaluation(
        model=ModelIdentity(str(metrics["model"]["name"]), str(metrics["model"]["sha256"])),
        engine=str(metrics["engine"]),
        data=str(metrics["data"]),
        classes=classes,
        temperature=temperature,
        paths=tuple(Path(row["path"]).name for row in rows),
        logits=np.asarray(temperature * np.log(np.maximum(scores, LEAST)), np.float32),
        labels=np.array([classes.index(row["truth"]) for row in rows], np.int64),
        unknown_scores=np.array([float(v) if v else np.nan for v in unknown], np.float64),
        refused=np.array([row["unknown"] == "1" for row in rows], np.bool_),
        unread=tuple((str(u["path"]), str(u["why"])) for u in metrics["unread"]),
        files=tuple(Path(row["path"]) for row in rows),
        learned=np.array([row.get(LEARNED) == "1" for row in rows], np.bool_),
    )


def photos_behind(evaluation: Evaluation, ask: str) -> npt.NDArray[np.intp]:
    """Which photos a link such as ``truth=0&answer=1`` or ``right=0`` means, the dearest first.

    ``truth``, ``answer``, ``either`` are class numbers, ``right``, ``refused`` and ``learned`` 0 or
    1, ``bin`` a bin of the reliability diagram; ``sort=unsure`` puts the least sure first.
    """
    wanted = dict(parse_qsl(ask))
    kept = np.ones(len(evaluation.labels), np.bool_)
    truth, answer = evaluation.labels, evaluation.answers
    for key, values in (
        ("truth", truth),
        ("answer", answer),
        ("right", evaluation.right.astype(int)),
        ("refused", evaluation.refused.astype(int)),
        ("learned", evaluation.learned.astype(int)),
    ):
        if key in wanted:
            kept &= values == int(wanted[key])
    if "either" in wanted:
        kept &= (truth == int(wanted["either"])) | (answer == int(wanted["either"]))
    scores = evaluation.scores
    if "bin" in wanted:
        inside = np.zeros(len(kept), np.bool_)
        inside[members(scores)[int(wanted["bin"])]] = True
        kept &= inside
    cheap = scores.max(1) if wanted.get("sort") == "unsure" else scores[np.arange(len(kept)), truth]
    found = np.flatnonzero(kept)
    return found[np.argsort(cheap[found], kind="stable")]
