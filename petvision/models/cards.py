"""The model card: what a model file says of itself. JSON inside the file, words beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from petvision.errors import ModelError
from petvision.images.types import InputSpec
from petvision.models.unknown import parts_of

FORMAT = 1

UnknownScore = Literal["pet_mass", "knn", "max_softmax", "energy", "combined"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


Blocks = Annotated[int, Field(ge=1, le=200)]  # more would keep a machine busy building them


class InputCard(_Part):
    """How the model wants its pictures; the same fields as ``InputSpec``."""

    size: int = Field(default=224, ge=1, le=4096)
    resize: int = Field(default=232, ge=1, le=4096)
    crop: Literal["centre"] = "centre"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"

    @model_validator(mode="after")
    def _crop_fits(self) -> InputCard:
        if self.resize < self.size:
            raise ValueError("resize must be at least size")
        if min(self.std) <= 0:
            raise ValueError("std must be positive")
        return self


class UnknownCard(_Part):
    """How "I don't know" is decided.

    ``score`` names one of ``petvision.models.unknown``'s scores; a photo whose score is over
    ``threshold`` is unknown. ``false_reject_rate`` is the share of known photos (of the choosing
    set) over it. ``statistics`` are the score's own numbers (see that module).
    """

    score: UnknownScore
    threshold: float
    false_reject_rate: float | None = Field(default=None, ge=0, le=1)
    statistics: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _statistics_suffice(self) -> UnknownCard:
        if self.statistics.get("k", 1) < 1:
            raise ValueError("k must be at least 1")
        if self.score != "combined":
            return self
        parts = parts_of(self.statistics)
        if not parts:
            raise ValueError("a combined score needs weights")
        for part in parts:
            if f"{part}.mean" not in self.statistics:
                raise ValueError(f"{part}.mean is missing")
            if self.statistics.get(f"{part}.std", 0.0) <= 0:
                raise ValueError(f"{part}.std must be positive")
        return self


class SplitMetrics(_Part):
    """What was measured on one split, on the stored file."""

    n: int = Field(ge=1)
    accuracy: float = Field(ge=0, le=1)
    accuracy_ci95: tuple[float, float] | None = None
    roc_auc: float | None = Field(default=None, ge=0, le=1)
    loss: float | None = Field(default=None, ge=0)
    f1: float | None = Field(default=None, ge=0, le=1)
    ece_before: float | None = Field(default=None, ge=0, le=1)
    ece_after: float | None = Field(default=None, ge=0, le=1)


class TrainingCard(_Part):
    """Where the weights came from: enough to do it again."""

    data: str = ""
    data_digest: str = ""
    config: dict[str, Any] = Field(default_factory=dict)
    seed: int | None = None
    epochs: float | None = None
    started_from: str = ""
    machine: str = ""
    seconds: float | None = None
    versions: dict[str, str] = Field(default_factory=dict)


class Card(_Part):
    """What a model file says of itself (contracts.md "Model files").

    ``blocks_per_stage`` is there only where it differs from the architecture's own.
    """

    format: int = FORMAT
    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    architecture: str
    blocks_per_stage: tuple[Blocks, Blocks, Blocks, Blocks] | None = None
    classes: tuple[str, ...] = Field(min_length=1)
    input: InputCard = InputCard()
    unknown: UnknownCard | None = None
    temperature: float = Field(default=1.0, gt=0)
    metrics: dict[str, SplitMetrics] = Field(default_factory=dict)
    training: TrainingCard | None = None
    licence: str = ""
    limits: tuple[str, ...] = ()
    made: str = ""

    @field_validator("classes")
    @classmethod
    def _classes_differ(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(classes)) != len(classes):
            raise ValueError("a class is named twice")
        return classes

    @property
    def input_spec(self) -> InputSpec:
        """The input as the images room wants it."""
        return InputSpec(**self.input.model_dump())


def parse(text: str, source: str) -> Card:
    """Read a card from its JSON.

    Raises:
        ModelError: ``unknown_version`` for a newer format; ``not_a_model`` naming the first thing
            that is missing or wrong.
    """
    try:
        raw = json.loads(text)
    except ValueError:
        raise ModelError("not_a_model", source, reason="its card is not JSON") from None
    if not isinstance(raw, dict):
        raise ModelError("not_a_model", source, reason="its card is not a JSON object")
    version = raw.get("format")
    if not isinstance(version, int) or isinstance(version, bool):
        raise ModelError("not_a_model", source, reason="its card has no format number")
    if version != FORMAT:
        raise ModelError("unknown_version", source, found=version, supported=FORMAT)
    try:
        return Card.model_validate(raw)
    except ValidationError as error:
        raise ModelError("not_a_model", source, reason=_first_fault(error)) from None


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in fault["loc"]) or "the card"
    if fault["type"] == "missing":
        return f"its card says nothing of {where}"
    return f"its card's {where} is wrong ({fault['msg'][0].lower()}{fault['msg'][1:]})"


def markdown(card: Card, sha256: str = "") -> str:
    """The card as a page for people, for ``NAME.md`` beside the file; ``sha256`` is the file's."""
    sections = [
        f"# {card.name}",
        _what(card),
        _metrics(card.metrics),
        _training(card.training),
        _section("Limits", "\n".join(f"- {sentence}" for sentence in card.limits)),
        _section("Licence", card.licence),
        _section("File", sha256 and f"`{card.name}.safetensors`, sha256 `{sha256}`"),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _what(card: Card) -> str:
    spec = card.input
    shown = ", ".join(card.classes[:10]) + (" …" if len(card.classes) > 10 else "")
    rows = [
        ("Architecture", card.architecture),
        ("Classes", f"{len(card.classes)}: {shown}"),
        (
            "Input",
            f"short side scaled to {spec.resize} pixels ({spec.interpolation}), "
            f"{spec.size}×{spec.size} cut from the {spec.crop}",
        ),
        ("Temperature", f"{card.temperature:.4g}"),
        ("Unknown", _unknown(card.unknown)),
        ("Made", card.made),
    ]
    return _table(("", ""), [row for row in rows if row[1]])


def _unknown(unknown: UnknownCard | None) -> str:
    if unknown is None:
        return "never says it does not know"
    words = f"score `{unknown.score}` over {unknown.threshold:.4g}"
    if unknown.false_reject_rate is None:
        return words
    return f"{words} ({unknown.false_reject_rate:.2%} of the known photos it was set on)"


def _metrics(metrics: Mapping[str, SplitMetrics]) -> str:
    columns = [name for name in SplitMetrics.model_fields if name != "accuracy_ci95"]
    rows = [(split, *(_figure(m, name) for name in columns)) for split, m in metrics.items()]
    return _section("Measured on the stored file", _table(("split", *columns), rows))


def _figure(metrics: SplitMetrics, name: str) -> str:
    value = getattr(metrics, name)
    if value is None:
        return ""
    if name == "n":
        return f"{value:,}"
    words = f"{value:.4f}" if name != "roc_auc" else f"{value:.5f}"
    if name == "accuracy" and metrics.accuracy_ci95:
        low, high = metrics.accuracy_ci95
        words += f" ({low:.4f} to {high:.4f})"
    return words


def _training(training: TrainingCard | None) -> str:
    if training is None:
        return ""
    facts = training.model_dump(exclude={"config", "versions"}, exclude_none=True)
    rows = [(key.replace("_", " "), str(value)) for key, value in facts.items() if value != ""]
    versions = ", ".join(f"{name} {version}" for name, version in training.versions.items())
    if versions:
        rows.append(("versions", versions))
    return _section("Training", _table(("", ""), rows))


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    lines = [head, tuple("---" for _ in head), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
