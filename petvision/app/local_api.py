"""*Tools → Local API*: starts and stops ``petvision serve`` and shows how to ask it."""

from __future__ import annotations

from enum import Enum
from typing import Any

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from petvision.app.children import Child
from petvision.app.dialogs import Page
from petvision.app.settings import Settings
from petvision.app.widgets.fields import spaced
from petvision.app.widgets.labels import quiet
from petvision.figures.style import GRID_PX

PORT = 8000
WIDTH = 640


class State(Enum):
    """What the server does."""

    OFF = "off"
    STARTING = "starting"
    ON = "on"
    STOPPING = "stopping"


class LocalApi(QObject):
    """The server of this window: at most one, which ends with the window at the latest."""

    changed = Signal()

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = State.OFF
        self.address = ""
        self.fault = ""
        self._settings = settings
        self._child: Child | None = None

    @property
    def port(self) -> int:
        """Where it listens, or would."""
        return self._settings.get("server.port", PORT)

    def start(self, model: str, port: int) -> None:
        """Serve a model (by name or file); ``port`` 0 is any that is free."""
        if self.state is not State.OFF:
            return
        self._settings.put("server.port", port)
        child = self._child = Child(self)
        child.told.connect(self._told)
        child.ended.connect(self._ended)
        self.fault = self.address = ""
        self._be(State.STARTING)
        child.start(["serve", "--with-parent", "--json", "--port", str(port), "--model", model])

    def stop(self) -> None:
        """End it; what it computes is finished first."""
        if self._child is not None and self.state in (State.STARTING, State.ON):
            self._be(State.STOPPING)
            self._child.stop()

    def end(self) -> None:
        """End it and wait: the window closes."""
        if self._child is not None:
            self._child.end()

    def _told(self, message: Any) -> None:
        if isinstance(message, dict) and "address" in message and self.state is State.STARTING:
            self.address = str(message["address"])
            self._be(State.ON)

    def _ended(self, code: int) -> None:
        child, self._child = self._child, None
        if self.state is not State.STOPPING and child is not None:
            words = child.last_words[-1] if child.last_words else f"exit code {code}"
            self.fault = words.removeprefix("petvision: ")
        self.address = ""
        self._be(State.OFF)
        if child is not None:
            child.deleteLater()

    def _be(self, state: State) -> None:
        self.state = state
        self.changed.emit()


class LocalApiDialog(Page):
    """The state of the server, a button, and a line to paste into a terminal."""

    def __init__(self, api: LocalApi, model: str, parent: QWidget) -> None:
        super().__init__(parent.tr("Local API"), parent)
        self._api, self._model = api, model
        what = quiet()
        what.setText(
            self.tr(
                "Programs on this computer can ask PetVision over HTTP and get the window’s "
                "answers. Nobody else can reach it. It ends with the window."
            )
        )
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setAccessibleName(self.tr("State"))
        self.port = spaced(QSpinBox())
        self.port.setRange(0, 65535)
        self.port.setSpecialValueText(self.tr("any that is free"))
        self.port.setValue(api.port)
        self.port.setAccessibleName(self.tr("Port"))
        self.button = QPushButton()
        self.button.clicked.connect(self._switch)
        self.line = QLineEdit()
        self.line.setReadOnly(True)
        self.line.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.line.setAccessibleName(self.tr("A line for the terminal"))
        self.copy = QPushButton(self.tr("Copy"))
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.line.text()))
        self.docs = QPushButton(self.tr("Documentation"))
        self.docs.clicked.connect(self._open_docs)
        self._lay_out(what)
        api.changed.connect(self._show, Qt.ConnectionType.UniqueConnection)
        self._show()

    def _lay_out(self, what: QLabel) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(2 * GRID_PX)
        form.setVerticalSpacing(GRID_PX)
        top = QHBoxLayout()
        top.addWidget(self.words, 1)
        top.addWidget(self.button)
        line = QHBoxLayout()
        for widget in (self.line, self.copy, self.docs):
            line.addWidget(widget)
        form.addRow(self.tr("Port"), self.port)
        self.body.addWidget(what)
        self.body.addSpacing(GRID_PX)
        self.body.addLayout(top)
        self.body.addLayout(form)
        self.body.addLayout(line)
        self.setFixedWidth(WIDTH)

    def _show(self) -> None:
        api = self._api
        state = {
            State.OFF: self.tr("It is off."),
            State.STARTING: self.tr("It starts …"),
            State.ON: self.tr("It answers at {address}.").format(address=api.address),
            State.STOPPING: self.tr("It ends …"),
        }[api.state]
        if api.fault:
            state = self.tr("It could not go on: {fault}").format(fault=api.fault)
        self.words.setText(state)
        off, on = api.state is State.OFF, api.state is State.ON
        self.button.setText(self.tr("Start") if off else self.tr("Stop"))
        self.button.setEnabled(api.state is not State.STOPPING)
        self.port.setEnabled(off)
        address = api.address or f"http://127.0.0.1:{self.port.value() or PORT}"
        self.line.setText(f"curl -F file=@photo.jpg {address}/predict")
        self.line.setCursorPosition(0)
        for widget in (self.line, self.copy, self.docs):
            widget.setEnabled(on)

    def _switch(self) -> None:
        if self._api.state is State.OFF:
            self._api.start(self._model, self.port.value())
        else:
            self._api.stop()

    def _open_docs(self) -> None:
        QDesktopServices.openUrl(QUrl(f"{self._api.address}/docs"))
