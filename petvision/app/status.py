"""The status line: what is being done, how long it takes, and a way to stop it."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from petvision.app import words
from petvision.app.session import Session
from petvision.app.theme import Theme
from petvision.app.widgets.progress import ThinBar
from petvision.figures.style import GRID_PX

BAR_PX = 160
ETA_FROM = 2.0


class StatusLine(QWidget):
    """Follows a :class:`Session`; ``say`` shows a sentence until work goes on."""

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._said = ""
        self._words = QLabel()
        self._words.setProperty("quiet", True)
        self._bar = ThinBar(theme)
        self._bar.setFixedWidth(BAR_PX)
        self.cancel = QToolButton()
        self.cancel.setText(self.tr("Cancel"))
        self.cancel.setProperty("link", True)
        self.cancel.setToolTip(self.tr("Stop the work (Ctrl+.)"))
        self.cancel.clicked.connect(session.stop)
        self._keep_its_room()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID_PX, 0, GRID_PX, 0)
        layout.setSpacing(2 * GRID_PX)
        layout.addWidget(self._words)
        layout.addWidget(self._bar)
        layout.addWidget(self.cancel)
        layout.addStretch(1)
        session.work_changed.connect(self.refresh)
        session.model_changed.connect(self.refresh)
        self.refresh()

    def _keep_its_room(self) -> None:
        """The line is as high at rest as at work, so that nothing above it moves."""
        policy = self.cancel.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.cancel.setSizePolicy(policy)

    def say(self, sentence: str) -> None:
        """Show what was done ("Saved …"); the next work replaces it."""
        self._said = sentence
        self.refresh()

    @property
    def text(self) -> str:
        """What the line says."""
        return self._words.text()

    def refresh(self) -> None:
        """Show the work as it is now."""
        text, share = self._work()
        if share is not None:
            self._said = ""
        elif self._session.explanations.trusts.working:  # quietly: what was said stays
            share = 0.0
        working = share is not None
        self._words.setText(text or self._said or self._at_rest())
        self._bar.show_share(share)
        self._bar.setVisible(working)
        self.cancel.setVisible(working and not self._session.opening)

    def _work(self) -> tuple[str, float | None]:
        """What is being done, and the share that is done (None: nothing is being done)."""
        session = self._session
        if session.opening:
            return self.tr("Opening the model…"), 0.0
        if session.listing:
            count = words.photos(session.photos.rowCount())
            return self.tr("Listing… {count} so far").format(count=count), 0.0
        if session.judging and session.current is not None:
            return self.tr("Looking at {name}…").format(name=session.current.source.label), 0.0
        working = session.explanations.working
        if not working:
            return "", None
        panel = working[0]
        title = words.tr(panel.method.card.title)
        progress = panel.progress
        if not progress or not progress.total:
            return f"{title}…", 0.0
        done, total = f"{progress.done:,}", f"{progress.total:,}"
        step = self.tr("{done} of {total} {what}").format(
            done=done, total=total, what=words.tr(progress.words)
        )
        left = panel.seconds_left
        eta = ""
        if left is not None and left >= ETA_FROM:
            eta = "  ·  " + self.tr("{eta} left").format(eta=words.duration(left))
        return f"{title}: {step.strip()}{eta}", progress.done / progress.total

    def _at_rest(self) -> str:
        handle = self._session.handle
        if handle is None:
            return ""
        if self._session.explanations.trusts.working:
            return self.tr("Checking whether the maps deserve belief…")
        return self.tr("{model} is ready").format(model=handle.card.name)
