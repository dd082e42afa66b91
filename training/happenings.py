"""What a run tells while it goes, and the JSON line of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from petvision.events import Progress


@dataclass(frozen=True, slots=True)
class Begun:
    """A run has its photos and its network: what it is about to do.

    ``train``, ``validation`` and ``tests`` are numbers of photos; ``following`` is the epoch it
    goes on with (over 1 when it resumes); ``device`` is in words.
    """

    model: str
    classes: tuple[str, ...]
    train: int
    validation: int
    tests: int
    epochs: int
    following: int
    device: str
    out: str


@dataclass(frozen=True, slots=True)
class Step:
    """A training step: ``done`` of ``total`` in ``epoch``; loss in nats, times in seconds.

    ``seconds_left`` is of all epochs to come, judged by the pace so far.
    """

    epoch: int
    done: int
    total: int
    loss: float
    lr: float
    images_per_second: float
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch's figures: ``loss`` and ``accuracy`` of training, the others of validation.

    Epoch 0 is the start: the last layer fitted on cached features, or as it was. The
    averaged weights are judged. ``confusion`` is C×C, rows the truth; ``best`` when no epoch
    before had a lower validation loss.
    """

    number: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    validation_auc: float
    validation_f1: float
    confusion: tuple[tuple[int, ...], ...]
    lr: float
    images_per_second: float
    seconds: float
    best: bool


@dataclass(frozen=True, slots=True)
class Word:
    """A sentence a person should read, such as which learning rate was found."""

    code: str
    words: str


Happening = Begun | Step | Epoch | Word
NAMES = {Begun: "begun", Step: "step", Epoch: "epoch", Word: "word"}


def line_of(event: Progress | Happening) -> dict[str, object]:
    """The event as ``petvision train --json`` prints it."""
    name = "progress" if isinstance(event, Progress) else NAMES[type(event)]
    return {"event": name, **asdict(event)}


def words_of(happening: Happening) -> str:
    """The happening in a sentence for a person; empty for what a bar shows better."""
    match happening:
        case Begun() as b:
            return (
                f"{b.model}: {len(b.classes)} classes, {b.train:,} photos to train on, "
                f"{b.validation:,} to choose on; {b.device}"
            )
        case Epoch() as e:
            best = ", the best so far" if e.best and e.number else ""
            pace = f", {e.images_per_second:.0f} photos/s" if e.number else ""
            return (
                f"epoch {e.number}: loss {e.loss:.4f}, validation loss {e.validation_loss:.4f}, "
                f"accuracy {e.validation_accuracy:.4f}, F1 {e.validation_f1:.4f}{pace}{best}"
            )
        case Word() as w:
            return w.words
        case Step():
            return ""
