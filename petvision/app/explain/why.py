"""Why a photo is unknown: the score in words, and the training photos most like it."""

from __future__ import annotations

from collections import Counter
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from petvision.app import tasks, words
from petvision.app.dialogs import Page
from petvision.app.lane import Crashed, Failed, Job
from petvision.app.session import Session
from petvision.app.widgets.labels import heading, quiet
from petvision.events import Result
from petvision.figures.style import GRID_PX, TEXT_PX
from petvision.images.types import Prepared
from petvision.models.results import Prediction

IN_FRONT = 10
PICTURE_PX = 112
WIDTH_PX = 5 * (PICTURE_PX + 2 * GRID_PX) + 6 * GRID_PX


class WhyUnknown(Page):
    """Tells of one photo and one model, whatever is in view behind it."""

    def __init__(
        self, session: Session, prediction: Prediction, prepared: Prepared, parent: QWidget
    ) -> None:
        super().__init__(words.tr("Why unknown?"), parent)
        self._session = session
        handle = session.handle
        assert handle is not None  # it gave the prediction
        score = handle.heads.unknown
        for sentence in reasons(score.name if score else "", prediction):
            self._say(sentence)
        title = heading(None, TEXT_PX)
        title.setText(words.tr("The training photos most like it"))
        self.body.addSpacing(GRID_PX)
        self.body.addWidget(title)
        self._about = self._say(words.tr("Comparing…"))
        self._row = QHBoxLayout()
        self._row.setSpacing(2 * GRID_PX)
        self.body.addLayout(self._row)
        self.body.addStretch(1)
        self.setFixedWidth(WIDTH_PX)
        make = partial(tasks.likeness, handle, prepared)
        self._ticket = session.ask(Job("likeness", IN_FRONT, make), self._heard)
        self.finished.connect(lambda: session.unask(self._ticket))

    def _say(self, sentence: str) -> QLabel:
        label = quiet()
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setText(sentence)
        self.body.addWidget(label)
        return label

    def _heard(self, event: object) -> None:
        if isinstance(event, Failed):
            self._about.setText(words.error_sentence(event.error))
        elif isinstance(event, Crashed):
            self._about.setText(words.tr("They could not be compared."))
        elif isinstance(event, Result):
            self._about.setText(likeness_words(event.value))
            for snapshot, cosine in event.value.nearest if event.value else ():
                self._row.addLayout(_tile(snapshot.jpeg, snapshot.name, snapshot.label, cosine))
            self._row.addStretch(1)


def reasons(score: str, prediction: Prediction) -> list[str]:
    """What the model's score of strangeness goes by, and where this photo stands."""
    text = {
        "pet_mass": words.tr(
            "Inside this model a second network, which knows a thousand kinds of things, hardly "
            "believes in any breed of dog or cat here."
        ),
        "knn": words.tr(
            "What the network notices in this photo is far from what it noticed in the photos it "
            "was trained on."
        ),
        "combined": words.tr(
            "What the network notices in this photo is far from what it noticed in the photos it "
            "was trained on, and a second network inside it, which knows a thousand kinds of "
            "things, hardly believes in any breed of dog or cat here."
        ),
        "max_softmax": words.tr("No class stands out: the likeliest, {best}, gets only {share}."),
        "energy": words.tr("All in all too little in this photo speaks for any of the classes."),
    }.get(score)
    told = []
    if text:
        best, share = words.named(prediction.best_class), words.percent(prediction.confidence)
        told.append(text.format(best=best, share=share))
    if prediction.unknown_score is not None and prediction.unknown_threshold is not None:
        standing = words.tr("Its strangeness is {score}; above {limit} a photo counts as unknown.")
        score_words = f"{prediction.unknown_score:.3g}"
        told.append(standing.format(score=score_words, limit=f"{prediction.unknown_threshold:.3g}"))
    return told


def likeness_words(found: tasks.Likeness | None) -> str:
    """Which classes the nearest photos show, and how near they are beside what is usual."""
    if found is None:
        return words.tr(
            "This model carries no training photos: those of the bundled models may not be passed "
            "on. A model that you train on photos of your own remembers some of them."
        )
    counts = Counter(snapshot.label for snapshot, _ in found.nearest)
    shown = ", ".join(
        words.tr("{count} of {label}").format(count=count, label=label.replace("_", " "))
        for label, count in counts.most_common()
    )
    mean = sum(cosine for _, cosine in found.nearest) / len(found.nearest)
    return words.tr(
        "Of the {kept:,} photos that the model remembers: {shown}. Photos that it knows have a "
        "likeness of about {usual:.2f} to their nearest; this one has {mean:.2f} (1 is the same)."
    ).format(kept=found.kept, shown=shown, usual=found.usual, mean=mean)


def _tile(jpeg: bytes, name: str, label: str, cosine: float) -> QVBoxLayout:
    picture = QLabel()
    pixmap = QPixmap()
    pixmap.loadFromData(jpeg)
    picture.setPixmap(pixmap)
    picture.setToolTip(name)
    text = f"{words.named(label)}  ·  {cosine:.2f}"
    picture.setAccessibleName(f"{name}: {text}")
    below = quiet()
    below.setText(text)
    tile = QVBoxLayout()
    tile.setSpacing(GRID_PX // 2)
    tile.addWidget(picture)
    tile.addWidget(below)
    tile.addStretch(1)
    return tile
