"""Opening a case file: its photo, target and parameters, run again and compared."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from petvision.app import words
from petvision.errors import PetVisionError

if TYPE_CHECKING:
    from petvision.app.explain.work import Explanations
    from petvision.app.photos.model import Photo
    from petvision.app.session import Session
    from petvision.explain.results import Explanation
    from petvision.reports.case import Case, RecordedPanel
    from petvision.reports.verify import Finding

SUFFIXES = (".html", ".htm", ".json")


def is_case(location: str) -> bool:
    """Whether an input may be a case file, judged by its name."""
    return location.lower().endswith(SUFFIXES) and "://" not in location


class Replay(QObject):
    """Reads a case, has its photo explained as it was, and says whether it comes out the same.

    ``told``: a sentence for the status line. ``compared``: the findings, when all panels are done.
    ``lent``: another target (None: the likeliest class) and other parameters are in force, those
    of a case or again the person's own.
    """

    told = Signal(str)
    compared = Signal(object)
    lent = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._case: Case | None = None
        self._photo: Photo | None = None
        self._loan: _Loan | None = None
        session.explanations.changed.connect(self._look)
        session.current_changed.connect(self._turned)

    def open(self, path: str) -> None:
        """Read a case file and replay it."""
        self._session.in_background(partial(_read, path), self._opened, self._failed)

    def _failed(self, error: PetVisionError) -> None:
        self.told.emit(words.error_sentence(error))

    def _opened(self, case: Case) -> None:
        session = self._session
        handle = session.handle
        if handle is None or session.opening:
            self.told.emit(self.tr("The model is still being opened: open the case again then."))
            return
        if handle.sha256 != case.model_sha256:
            text = self.tr("{name} was made with another model: {model}. Open that one first.")
            self.told.emit(text.format(name=case.name, model=case.model))
            return
        session.explanations.begin(None)  # or the photo in view would be explained the case's way
        self._end_loan()
        (self._photo,) = session.photos.add([case.source])
        self._loan, self._case = _Loan(session.explanations, case), case
        self.lent.emit(case.target)
        self.told.emit(self.tr("Replaying {name}…").format(name=case.name))
        session.show_photo(self._photo)

    def _turned(self) -> None:
        if self._session.current is not self._photo:
            self._case = None
            self._end_loan()

    def _end_loan(self) -> None:
        if self._loan is not None:
            self.lent.emit(self._loan.end())
            self._loan = None

    def _look(self, _: str) -> None:
        """When all recorded panels are done, compare."""
        case, panels = self._case, self._session.explanations.panels
        if case is None:
            return
        pairs = []
        for recorded in case.panels:
            state = panels.get(recorded.method)
            if state is None:
                continue
            if state.status not in ("done", "failed"):
                return
            if state.explanation is not None:
                pairs.append((recorded, state.explanation))
        self._case = None
        self._session.in_background(
            partial(_compare, tuple(pairs)), partial(self._found, case), self._failed
        )

    def _found(self, case: Case, findings: tuple[Finding, ...]) -> None:
        same = sum(finding.same for finding in findings)
        if same == len(findings) == len(case.panels):
            text = self.tr("{name} comes out the same: all {count} panels.")
        else:
            text = self.tr("{name}: {same} of {count} panels come out the same. {others}")
        others = "; ".join(f"{f.what} {f.words}" for f in findings if not f.same)
        self.told.emit(
            text.format(name=case.name, same=same, count=len(case.panels), others=others)
        )
        self.compared.emit(findings)


class _Loan:
    """A case's target, parameters and panels, in force while its photo is in view.

    What a person chooses meanwhile is their own and stays.
    """

    def __init__(self, explanations: Explanations, case: Case) -> None:
        self._explanations = explanations
        self._target = (explanations.chosen, case.target)
        self._values: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        self._added = [p.method for p in case.panels if p.method not in explanations.panels]
        for name in self._added:
            explanations.add(name, keep=False)
        for recorded in case.panels:
            panel = explanations.panels.get(recorded.method)
            if panel is not None:
                own, given = panel.values, recorded.parameters
                panel.values = {key: given.get(key, value) for key, value in own.items()}
                self._values[recorded.method] = (own, panel.values)
        explanations.choose_target(case.target)

    def end(self) -> str | None:
        """Bring back what was in force before; returns the target."""
        explanations = self._explanations
        for name, (own, lent) in self._values.items():
            panel = explanations.panels.get(name)
            if panel is not None and panel.values is lent:
                panel.values = own
        for name in self._added:
            explanations.remove(name)
        own_target, lent_target = self._target
        if explanations.chosen == lent_target:
            explanations.choose_target(own_target)
        return explanations.chosen


def _read(path: str) -> Case:
    from petvision.reports.case import read

    return read(Path(path))


def _compare(pairs: tuple[tuple[RecordedPanel, Explanation], ...]) -> tuple[Finding, ...]:
    from petvision.reports.verify import compare

    return tuple(compare(recorded, now) for recorded, now in pairs)
