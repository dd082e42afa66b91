"""The tabs of the window: which there are, and what the window asks of one.

Explain is there from the start; every other tab is built when it is first looked at, so that the
window stays quick to open. A new tab is one folder with a :class:`Page` and one line in ``TABS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from petvision.app.incoming import Incoming
    from petvision.app.window import Window

EXPLAIN = "explain"


class Page(QWidget):
    """What a tab shows; lives as long as the window."""

    def arrive(self) -> None:
        """The tab has come into view."""

    def take(self, arrived: Incoming) -> bool:
        """Whether the page took what was dropped or pasted while in view; else it is opened."""
        return False

    @property
    def working(self) -> bool:
        """Whether there is work that *Stop Work* would stop."""
        return False

    def stop(self) -> None:
        """Stop the page's work; what is done stays."""

    def may_close(self) -> bool:
        """Whether the window may close; a page with work may ask the person first."""
        return True

    def end(self) -> None:
        """The window closes: stop everything and let go of threads, files and children."""
        self.stop()


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab: ``name`` is remembered, ``title`` shown; ``photos`` says whether it uses the list."""

    name: str
    title: str
    photos: bool
    make: Callable[[Window], Page] | None

    @property
    def words(self) -> str:
        """The title in the window's language."""
        return QCoreApplication.translate("Tab", self.title)


def _compare(window: Window) -> Page:
    from petvision.app.compare.page import ComparePage

    return ComparePage(window)


def _batch(window: Window) -> Page:
    from petvision.app.batch.page import BatchPage

    return BatchPage(window)


def _neurons(window: Window) -> Page:
    from petvision.app.neurons.page import NeuronsPage

    return NeuronsPage(window)


def _train(window: Window) -> Page:
    from petvision.app.train.page import TrainPage

    return TrainPage(window)


TABS: tuple[Tab, ...] = (
    Tab(EXPLAIN, str(QT_TRANSLATE_NOOP("Tab", "Explain")), True, None),
    Tab("compare", str(QT_TRANSLATE_NOOP("Tab", "Compare")), True, _compare),
    Tab("neurons", str(QT_TRANSLATE_NOOP("Tab", "Neurons")), True, _neurons),
    Tab("batch", str(QT_TRANSLATE_NOOP("Tab", "Batch")), False, _batch),
    Tab("train", str(QT_TRANSLATE_NOOP("Tab", "Train")), False, _train),
)
