"""The prediction card: the verdict in words, a bar a class, and where it comes from."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from petvision.app import words
from petvision.app.photos.delegate import mark_of
from petvision.app.theme import Theme
from petvision.app.widgets.bars import ScoreBars
from petvision.app.widgets.labels import Elided, Mark, heading, quiet
from petvision.figures.style import GRID_PX, HEADING_PX
from petvision.models.results import Prediction

BARS_MOST = 5


class PredictionCard(QFrame):
    """Shows a :class:`Prediction`, or in words why there is none yet.

    ``why``: a person asks why the photo is unknown.
    """

    why = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self._mark = Mark(theme, 24)
        self._label = heading(None, HEADING_PX)
        self._sentence = quiet()
        self._bars = ScoreBars(theme)
        self._facts = Elided(1)
        head = QHBoxLayout()
        head.setSpacing(GRID_PX)
        head.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignVCenter)
        head.addWidget(self._label, 1)
        self.why_button = QPushButton(self.tr("Why unknown?"))
        self.why_button.clicked.connect(self.why)
        self.why_button.hide()
        head.addWidget(self.why_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX)
        layout.setSpacing(GRID_PX)
        layout.addLayout(head)
        layout.addWidget(self._sentence)
        layout.addWidget(self._bars)
        layout.addStretch(1)
        layout.addWidget(self._facts)

    def show_waiting(self, head: str, sentence: str, *, mark: str = "image") -> None:
        """Say in words why there is no verdict."""
        self._mark.show_mark(mark, "bad" if mark == "triangle-alert" else "muted")
        self._label.setText(head)
        self._sentence.setText(sentence)
        self._sentence.setVisible(bool(sentence))
        self._bars.hide()
        self.why_button.hide()
        self._facts.say("")
        self._announce()

    def show_prediction(self, prediction: Prediction) -> None:
        """Show a verdict."""
        scores = sorted(prediction.scores.items(), key=lambda item: -item[1])[:BARS_MOST]
        if prediction.unknown:
            self._mark.show_mark("circle-question-mark", "unknown")
            self._label.setText(self.tr("Unknown"))
            self._sentence.setText(why_unknown(prediction))
        else:
            share = words.percent(prediction.confidence)
            self._mark.show_mark(mark_of(prediction.label), "text")
            self._label.setText(f"{words.named(prediction.label)}  ·  {share}")
            self._sentence.setText(how_sure(prediction))
        self.why_button.setVisible(prediction.unknown)
        self._sentence.show()
        self._bars.show_rows(scores, quiet=prediction.unknown)
        self._bars.show()
        self._facts.say(facts_of(prediction))
        self._announce()

    def _announce(self) -> None:
        self.setAccessibleName(f"{self._label.text()}. {self._sentence.text()}")


def how_sure(prediction: Prediction) -> str:
    """What the confidence means, in words that do not promise more."""
    label, others = prediction.label, len(prediction.scores) - 1
    if prediction.confidence >= 0.95:
        text = words.tr("Most photos that look like this to the network are a {label}.")
    elif prediction.confidence >= 0.75:
        text = words.tr("Rather a {label}, but photos like this are sometimes something else.")
    else:
        text = words.tr("Hard to tell: a little more {label} than anything else.")
    return text.format(label=label.replace("_", " ")) if others else ""


def why_unknown(prediction: Prediction) -> str:
    """Why a photo is called unknown: its score beside the threshold, in words."""
    score, limit = prediction.unknown_score, prediction.unknown_threshold
    classes = list(prediction.scores)
    shown = f" ({', '.join(classes)})" if len(classes) <= 4 else ""
    if score is None or limit is None:
        return words.tr("It looks like nothing this model knows{classes}.").format(classes=shown)
    return words.tr(
        "It looks like nothing this model knows{classes}: its strangeness is {score}, and above "
        "{limit} a photo counts as unknown. The bars show the best guess all the same."
    ).format(classes=shown, score=f"{score:.3g}", limit=f"{limit:.3g}")


def facts_of(prediction: Prediction) -> str:
    """Model, engine, time; the photo's size, format and notes."""
    ms = prediction.ms
    image = prediction.image
    total = words.milliseconds(ms.read + ms.decode + ms.prepare + ms.compute)
    facts = [
        f"{image.width:,} × {image.height:,} {image.format}",
        *(str(note) for note in image.notes),
        prediction.model.name,
        prediction.engine,
        total,
    ]
    return "  ·  ".join(facts)
