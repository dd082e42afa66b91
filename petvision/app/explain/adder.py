"""A quiet way to more methods: a menu of those that have no panel yet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from petvision.app import words

if TYPE_CHECKING:
    from petvision.explain.base import Method


class MethodAdder(QToolButton):
    """Offers methods by their titles. ``chosen``: the id of the one that a person wants."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(self.tr("+ Add a method"))
        self.setToolTip(self.tr("One more panel: it is computed for each photo you look at"))
        self.setProperty("link", True)
        self.offered = QMenu(self)
        self.offered.setToolTipsVisible(True)
        self.setMenu(self.offered)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def offer(self, methods: Sequence[Method[Any]]) -> None:
        """Take the methods that have no panel."""
        self.offered.clear()
        for method in methods:
            action = self.offered.addAction(words.tr(method.card.title))
            action.setToolTip(words.tr(method.card.shows))
            action.triggered.connect(partial(self._choose, method.id))

    def _choose(self, name: str, _: bool = False) -> None:
        self.chosen.emit(name)
