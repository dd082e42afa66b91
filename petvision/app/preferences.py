"""*Edit → Preferences…*: what a person sets once. Everything takes effect at once or says when."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QWidget,
)
from shiboken6 import isValid

from petvision.app.dialogs import Page
from petvision.app.theme import CHOICES, Theme
from petvision.app.widgets.fields import spaced
from petvision.app.widgets.labels import quiet
from petvision.figures.style import GRID_PX

if TYPE_CHECKING:
    from petvision.app.session import Session

ENGINES = ("auto", "torch-fp32", "openvino-fp32", "ncnn-fp32", "openvino-bf16")
WIDTH = 560
MOST_MIB = 100_000


class Preferences(Page):
    """A form over the settings; closing it opens the model anew where that is needed."""

    def __init__(self, session: Session, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent.tr("Preferences"), parent)
        self._session, self._settings, self._theme = session, session.settings, theme
        self._before = self._computing()
        form = QFormLayout()
        form.setHorizontalSpacing(2 * GRID_PX)
        form.setVerticalSpacing(GRID_PX)
        self._add_look(form)
        self._add_computing(form)
        self._add_memory(form)
        self.body.addLayout(form)
        self.setFixedWidth(WIDTH)

    def done(self, result: int) -> None:
        """The dialog closes: what changes answers is taken up by opening the model anew."""
        super().done(result)
        if self._computing() != self._before:
            self._session.reopen()

    def _computing(self) -> tuple[object, ...]:
        s = self._settings
        return s.get("engine", "auto"), s.get("threads", 0), s.get("unknown", "auto")

    def _add_look(self, form: QFormLayout) -> None:
        self.language = QComboBox()
        self.language.addItem(self.tr("English"), "en")
        self.language.setEnabled(False)
        self.language.setToolTip(self.tr("More languages come in a later version."))
        self.theme = QComboBox()
        names = {"system": self.tr("As the system"), "light": self.tr("Light")}
        names["dark"] = self.tr("Dark")
        for choice in CHOICES:
            self.theme.addItem(names[choice], choice)
        self.theme.setCurrentIndex(self.theme.findData(self._theme.choice))
        self.theme.currentIndexChanged.connect(lambda: self._theme.choose(self.theme.currentData()))
        form.addRow(self.tr("Language"), self.language)
        form.addRow(self.tr("Theme"), self.theme)

    def _add_computing(self, form: QFormLayout) -> None:
        self.engine = QComboBox()
        for name in ENGINES:
            shown = self.tr("The fastest that agrees") if name == "auto" else name
            self.engine.addItem(shown, name)
        self.engine.setCurrentIndex(max(self.engine.findData(self._settings.get("engine", "")), 0))
        self.engine.currentIndexChanged.connect(
            lambda: self._settings.put("engine", self.engine.currentData())
        )
        self.threads = spaced(QSpinBox())
        self.threads.setRange(0, os.cpu_count() or 1)
        self.threads.setSpecialValueText(self.tr("one a core"))
        self.threads.setValue(self._settings.get("threads", 0))
        self.threads.valueChanged.connect(lambda count: self._settings.put("threads", count))
        self.unknown = QComboBox()
        for words, value in (
            (self.tr("The model’s own threshold"), "auto"),
            (self.tr("Never"), "off"),
            (self.tr("Over a score of"), "value"),
        ):
            self.unknown.addItem(words, value)
        self.threshold = spaced(QDoubleSpinBox())
        self.threshold.setRange(0.0, 100.0)
        self.threshold.setDecimals(3)
        self.threshold.setSingleStep(0.05)
        stored = self._settings.get("unknown", "auto")
        number = stored not in ("auto", "off")
        self.unknown.setCurrentIndex(self.unknown.findData("value" if number else stored))
        self.threshold.setValue(float(stored) if number else 0.5)
        self.threshold.setEnabled(number)
        self.unknown.currentIndexChanged.connect(self._unknown_chosen)
        self.threshold.valueChanged.connect(self._unknown_chosen)
        both = QHBoxLayout()
        both.setSpacing(GRID_PX)
        both.addWidget(self.unknown, 1)
        both.addWidget(self.threshold)
        form.addRow(self.tr("Engine"), self.engine)
        form.addRow(self.tr("Threads"), self.threads)
        form.addRow(self.tr("Say “unknown”"), both)
        note = quiet()
        note.setText(self.tr("An engine changes how long an answer takes, never the answer."))
        form.addRow("", note)

    def _add_memory(self, form: QFormLayout) -> None:
        self.remember = QCheckBox(self.tr("Remember what was opened"))
        self.remember.setChecked(self._settings.get("remember", True))
        self.remember.toggled.connect(self._remember)
        self.forget = QPushButton(self.tr("Clear the list"))
        self.forget.clicked.connect(self._settings.forget_recent)
        row = QHBoxLayout()
        row.setSpacing(GRID_PX)
        row.addWidget(self.remember, 1)
        row.addWidget(self.forget)
        form.addRow(self.tr("Recent files"), row)
        self.kept = spaced(QSpinBox())
        self.kept.setRange(0, MOST_MIB)
        self.kept.setSingleStep(64)
        self.kept.setSuffix(self.tr(" MB"))
        self.kept.setSpecialValueText(self.tr("none"))
        self.kept.setValue(self._settings.most_kept // 2**20)
        self.kept.valueChanged.connect(lambda size: self._settings.put("kept_mib", size))
        self.kept.editingFinished.connect(self._make_room)
        self.clear_kept = QPushButton(self.tr("Delete them"))
        self.clear_kept.clicked.connect(self._clear_kept)
        row = QHBoxLayout()
        row.setSpacing(GRID_PX)
        row.addWidget(self.kept, 1)
        row.addWidget(self.clear_kept)
        form.addRow(self.tr("Keep explanations"), row)
        self.about_kept = quiet()
        form.addRow("", self.about_kept)
        self._tell_kept(None)
        self._session.in_background(_size_kept, self._tell_kept, lambda _: None)

    def _make_room(self) -> None:
        """A smaller size counts at once."""
        most = self._settings.most_kept
        self._session.in_background(partial(_shrunk, most), self._tell_kept, lambda _: None)

    def _clear_kept(self) -> None:
        self._session.in_background(partial(_shrunk, 0), self._tell_kept, lambda _: None)

    def _tell_kept(self, size: int | None) -> None:
        if not isValid(self.about_kept):  # the dialog was closed meanwhile
            return
        text = self.tr(
            "On this computer, so that a photo seen before shows its panels at once. "
            "What a photo shows can be made out in them."
        )
        if size is not None:
            told = self.tr("They take {size} MB now.").format(size=f"{size / 2**20:,.1f}")
            text = f"{text} {told}"
        self.about_kept.setText(text)

    def _unknown_chosen(self) -> None:
        kind = self.unknown.currentData()
        self.threshold.setEnabled(kind == "value")
        value = f"{self.threshold.value():g}" if kind == "value" else kind
        self._settings.put("unknown", value)

    def _remember(self, wanted: bool) -> None:
        self._settings.put("remember", wanted)
        if not wanted:
            self._settings.forget_recent()


def _size_kept() -> int:
    from petvision.explain.cache import Cache

    return Cache().size


def _shrunk(most: int) -> int:
    """Drop explanations beyond ``most`` bytes; the bytes that are left."""
    from petvision.explain.cache import Cache

    cache = Cache(most=most)
    cache.make_room()
    return cache.size
