"""Choosing the score and the threshold of "I don't know", on validation photos and negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from petvision.evaluate.datasets import Labelled
from petvision.evaluate.metrics import auroc
from petvision.evaluate.unknown import Separation, separation, threshold_at
from petvision.images.types import Floats
from petvision.models.cards import UnknownCard
from petvision.models.unknown import NEIGHBOURS, Scores, UnknownScore
from training.config import Unknown

VARIED = "varied views"


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model makes of N pictures: features N×F, logits N×C, gate logits N×1000 or None."""

    features: Floats
    logits: Floats
    gate: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The chosen score for the card, its bank for the file, and how it did by kind of negative."""

    card: UnknownCard
    bank: Floats | None
    separations: Mapping[str, Separation]


def bank_photos(
    photos: Sequence[Labelled], classes: Sequence[str], size: int, seed: int
) -> list[Labelled]:
    """A core set of the training photos: about ``size``, each class the same number."""
    rng = np.random.default_rng(seed)
    chosen = []
    for name in classes:
        members = [p for p in photos if p.label == name]
        chosen += [
            members[i] for i in np.sort(rng.permutation(len(members))[: size // len(classes)])
        ]
    return chosen


def choose_unknown(
    plan: Unknown,
    known: Answers,
    negatives: Mapping[str, Answers],
    bank: Floats | None,
    temperature: float,
    varied: Answers | None = None,
) -> Choice | None:
    """The score that best tells the known from the negatives, and its threshold.

    Validation photos come from where the training photos came from. A score that goes by their
    looks (their framing, light and sharpness) separates them well and refuses photos of the same
    things taken elsewhere: so the score is judged by ``varied`` views of them, and the threshold
    taken from them as they are. Pictures enlarged from few pixels give themselves away by their
    blur, so data of 32 pixels (CIFAR) is reported but has no say where anything else is there.

    Args:
        plan: what the configuration wants.
        known: answers to the validation photos.
        negatives: answers to what is none of the classes, by name.
        bank: rows of length 1 that k-NN measures from.
        temperature: the model's.
        varied: answers to the validation photos cut, coloured and blurred; ``known`` without them.

    Returns:
        None when the plan wants no unknown verdict or there is nothing to choose with.
    """
    if plan.score == "none":
        return None
    judges = {n: a for n, a in negatives.items() if not n.startswith("cifar")} or dict(negatives)
    best: tuple[float, UnknownScore] | None = None
    for score in _candidates(plan, known, bank, temperature):
        ours = _apply(score, known if varied is None else varied)
        areas = [auroc(_apply(score, theirs), ours) for theirs in judges.values()]
        area = float(np.mean(areas)) if areas else 0.0
        if best is None or area > best[0]:
            best = area, score
    if best is None:
        return None
    score, ours = best[1], _apply(best[1], known)
    threshold = threshold_at(ours, plan.false_reject_rate)
    refused = float((ours > threshold).mean())
    card = UnknownCard(
        score=score.name,
        threshold=threshold,
        false_reject_rate=refused,
        statistics=dict(score.statistics),
    )
    told = {name: separation(ours, _apply(score, a), threshold) for name, a in negatives.items()}
    if varied is not None and judges:  # the same negatives against photos as from elsewhere
        name, strange = next(iter(judges.items()))
        views = _apply(score, varied)
        told[f"{name}, {VARIED}"] = separation(views, _apply(score, strange), threshold)
    return Choice(card, score.bank, told)


def _candidates(
    plan: Unknown, known: Answers, bank: Floats | None, temperature: float
) -> list[UnknownScore]:
    """The scores this model can give, the simplest first."""
    singles = [UnknownScore(name, 0.0, temperature) for name in ("max_softmax", "energy")]
    if known.gate is not None:
        singles.insert(0, UnknownScore("pet_mass", 0.0, temperature))
    if bank is not None and len(bank):
        singles.append(UnknownScore("knn", 0.0, temperature, {"k": float(NEIGHBOURS)}, bank))
    candidates = [*singles]
    parts = [s for s in singles if s.name in ("pet_mass", "knn")]
    if len(parts) == 2:
        statistics = {"k": float(NEIGHBOURS)}
        for part in parts:
            values = _apply(part, known)
            statistics |= {
                f"{part.name}.weight": 1.0,
                f"{part.name}.mean": float(np.mean(values)),
                f"{part.name}.std": float(np.std(values)) or 1.0,
            }
        candidates.append(UnknownScore("combined", 0.0, temperature, statistics, bank))
    return [s for s in candidates if plan.score in ("auto", s.name)]


def _apply(score: UnknownScore, answers: Answers) -> Scores:
    return score(answers.features, answers.logits, answers.gate)
