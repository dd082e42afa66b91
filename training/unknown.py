"""Choosing the score and the threshold of "I don't know", on validation photos and negatives."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from petvision.errors import ConfigError
from petvision.evaluate.datasets import Labelled
from petvision.evaluate.metrics import auroc
from petvision.evaluate.unknown import Separation, separation, threshold_at
from petvision.images.types import Floats
from petvision.models.cards import UnknownCard
from petvision.models.unknown import NEIGHBOURS, Scores, UnknownScore, needs
from training.config import Config, Unknown
from training.data import Split
from training.negatives import negatives_of
from training.outliers import outliers_of

VARIED = "varied views"
# Preferred where there is nothing to choose with: a head that tells two classes apart is sure of
# everything else too, the features' distance is not (60 photos of two breeds: of 109 photos of
# objects and scenes max_softmax refuses 3 %, knn all, with 2 % of 200 new photos of the breeds
# from the same source).
NEED_NO_NEGATIVES = ("pet_mass", "knn")


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


def check_unknown(config: Config, split: Split, training: bool = True) -> list[str]:
    """See, before anything is trained, that the "I don't know" verdict can be had.

    Args:
        config: what the run is to do.
        split: its photos.
        training: whether it trains; what is only finished needs no outliers.

    Returns:
        Sentences worth knowing.

    Raises:
        ConfigError: naming the key of a score that cannot be had, or of negatives or outliers
            that are not there.
    """
    check_score(config)
    sources = negatives_of(config, split) + (outliers_of(config, split) if training else ())
    return list(dict.fromkeys(word.words for source in sources if (word := source.word())))


def check_score(config: Config) -> None:
    """See that the score the configuration names can be had.

    Raises:
        ConfigError: when it lacks the gate or the feature bank.
    """
    name = config.unknown.score
    wants = needs(name, {"pet_mass.weight": 1.0, "knn.weight": 1.0})  # what is combined
    lacking = []
    if wants.gate and not config.model.gate:
        lacking.append("it reads the kept ImageNet head, which model.gate=0 drops")
    if wants.bank and not config.unknown.bank:
        lacking.append("it measures from the feature bank, which unknown.bank=0 leaves out")
    if lacking:
        problems = "; ".join([*lacking, "auto chooses of the scores there are"])
        raise ConfigError("several", f"unknown.score={name}", problems=problems)


def bank_photos(
    photos: Sequence[Labelled], classes: Sequence[str], size: int, seed: int
) -> list[Labelled]:
    """A core set of the training photos: about ``size``, each class the same number, at least 1."""
    count = max(1, size // len(classes))
    rng = np.random.default_rng(seed)
    chosen = []
    for name in classes:
        members = [p for p in photos if p.label == name]
        chosen += [members[i] for i in np.sort(rng.permutation(len(members))[:count])]
    return chosen


def choose_unknown(
    plan: Unknown,
    known: Answers,
    negatives: Mapping[str, Answers],
    bank: Floats | None,
    temperature: float,
    varied: Answers | None = None,
    silent: Collection[str] = (),
) -> Choice | None:
    """The score that best tells the known from the negatives, and its threshold.

    Validation photos come from where the training photos came from. A score that goes by their
    looks (their framing, light and sharpness) separates them well and refuses photos of the same
    things taken elsewhere: so the threshold is taken from them as they are, and the score with the
    fewest mistakes at it on ``varied`` views and negatives is chosen; without negatives a gate or a
    distance, which need none. Pictures enlarged from few pixels give themselves away by their blur,
    so data of 32 pixels (CIFAR) is ``silent``: reported, with no say where anything else is there.

    Args:
        plan: what the configuration wants.
        known: answers to the validation photos.
        negatives: answers to what is none of the classes, by name.
        bank: rows of length 1 that k-NN measures from.
        temperature: the model's.
        varied: answers to the validation photos cut, coloured and blurred; ``known`` without them.
        silent: names of negatives that have no say.

    Returns:
        None when the plan wants no unknown verdict.
    """
    if plan.score == "none":
        return None
    judges = {n: a for n, a in negatives.items() if n not in silent} or dict(negatives)
    candidates = _candidates(plan, known, bank, temperature)
    assert candidates  # ``check_score`` saw to it
    views = known if varied is None else varied
    score = next((c for c in candidates if c.name in NEED_NO_NEGATIVES), candidates[0])
    if judges:
        rate = plan.false_reject_rate
        score = min(candidates, key=lambda c: _mistakes(c, known, views, judges, rate))
    ours = _apply(score, known)
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
        otherwise = _apply(score, varied)
        told[f"{name}, {VARIED}"] = separation(otherwise, _apply(score, strange), threshold)
    return Choice(card, score.bank, told)


def _mistakes(
    score: UnknownScore,
    known: Answers,
    views: Answers,
    judges: Mapping[str, Answers],
    rate: float,
) -> tuple[float, float]:
    """How wrong a score is where it is used, at its threshold; then how badly it ranks.

    The first is the share of the views that are refused and the mean share of the negatives that
    pass, added. The area under the curve alone would prefer a distance that ranks well and
    refuses every fourth photo that was taken elsewhere.
    """
    threshold = threshold_at(_apply(score, known), rate)
    ours = _apply(score, views)
    strange = [_apply(score, answers) for answers in judges.values()]
    passed = float(np.mean([(s <= threshold).mean() for s in strange]))
    area = float(np.mean([auroc(s, ours) for s in strange]))
    return float((ours > threshold).mean()) + passed, -area


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
