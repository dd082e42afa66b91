"""The pictures of an evaluation folder: right and wrong answers, and the worst with their heat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from petvision.errors import InputError
from petvision.evaluate.results import Evaluation
from petvision.events import Progress, Result, result_of
from petvision.explain.gradcam import GradCam
from petvision.explain.results import Attribution
from petvision.explain.run import context_of
from petvision.figures.answers import Answered, mistake, sheet
from petvision.figures.charts import file_of
from petvision.figures.style import PRINT
from petvision.images.door import decode_for_display, load
from petvision.images.inputs import source_of
from petvision.images.prepare import prepare_encoded
from petvision.models.handle import ModelHandle
from petvision.reports.panels import stem_of
from petvision.reports.thumbnails import small_ones
from petvision.terminal import percent

WORST = 16
EACH = 12
SIDE = 220
PIXELS = 250_000


def answers_sheet(evaluation: Evaluation, seed: int = 0) -> bytes | None:
    """``predictions.png``: the worst wrong answers and some of the right; None without photos."""
    if not evaluation.files:
        return None
    right = np.flatnonzero(evaluation.right)
    rng = np.random.default_rng(seed)
    some = np.sort(rng.permutation(right)[:EACH])
    wrong = _answered(evaluation, evaluation.worst(EACH))
    return file_of(sheet(wrong, _answered(evaluation, [int(i) for i in some]), PRINT), "png", 110)


def _answered(evaluation: Evaluation, chosen: list[int]) -> list[Answered]:
    scores, answers = evaluation.scores, evaluation.answers
    images = small_ones([evaluation.files[i] for i in chosen], SIDE)
    found = []
    for i, image in zip(chosen, images, strict=True):
        if image is None:
            continue
        words = f"{evaluation.classes[answers[i]]} {percent(float(scores[i].max()))}"
        truth = "" if evaluation.right[i] else evaluation.classes[evaluation.labels[i]]
        pixels = np.asarray(image)
        found.append(Answered(pixels, words.replace("_", " "), truth.replace("_", " ")))
    return found


def mistakes(
    handle: ModelHandle, evaluation: Evaluation
) -> Iterator[Progress | Result[dict[str, bytes]]]:
    """The worst mistakes as pictures with Grad-CAM for the answer and for the truth, by name."""
    worst = evaluation.worst(WORST) if evaluation.files else []
    found: dict[str, bytes] = {}
    for number, i in enumerate(worst):
        picture = _mistake(handle, evaluation, i)
        if picture is not None:
            stem = stem_of(source_of(str(evaluation.files[i])))
            found[f"{number + 1:02} {stem}.png"] = picture
        yield Progress(number + 1, len(worst), "worst mistakes")
    yield Result(found)


def _mistake(handle: ModelHandle, evaluation: Evaluation, i: int) -> bytes | None:
    try:
        encoded = load(source_of(str(evaluation.files[i])))
        prepared = prepare_encoded(encoded, handle.spec)
        photo = decode_for_display(encoded, max_pixels=PIXELS)
    except InputError:  # it was there a moment ago; the list still names it
        return None
    classes, scores = evaluation.classes, evaluation.scores[i]
    said, truth = int(evaluation.answers[i]), int(evaluation.labels[i])
    context = context_of(handle, prepared)
    heat = []
    for target in (said, truth):
        asked = replace(context, target=classes[target])
        made = result_of(GradCam().run(asked, GradCam.Parameters()))
        assert isinstance(made, Attribution)  # what Grad-CAM makes
        heat.append(made)
    words = (
        f"{classes[said]} {percent(float(scores[said]))}, "
        f"truth {classes[truth]} {percent(float(scores[truth]))}: {evaluation.files[i].name}"
    ).replace("_", " ")
    return file_of(mistake(photo, heat[0], heat[1], words, PRINT), "png", 110)
