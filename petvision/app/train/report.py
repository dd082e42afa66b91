"""The third view of the tab: an evaluation, whose every number leads to its photos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QImage, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.session import Session
from petvision.app.theme import Theme
from petvision.app.train.corrections import Change
from petvision.app.train.gallery import MOST, Gallery, Shown
from petvision.app.widgets.areas import see_through
from petvision.app.widgets.labels import heading, quiet
from petvision.errors import PetVisionError
from petvision.evaluate.results import Evaluation, Figures, near_certain
from petvision.figures.style import GRID_PX, HEADING_PX, TEXT_PX, Style
from petvision.reports.stored import photos_behind, read_evaluation

CHART_PX = 300
CLASSES_MOST = 40
MATRIX_MOST = 8


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """An evaluation folder as it was read in the pool."""

    folder: Path
    evaluation: Evaluation
    figures: Figures


class ReportView(QWidget):
    """``use`` asks for the model behind the report; ``photo`` to open one; ``back`` to go back."""

    use = Signal()
    photo = Signal(str)
    back = Signal()

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self.read: Read | None = None
        self._title = heading(None, HEADING_PX)
        self._subtitle = quiet(wrap=False)
        self._note = QLabel()
        self._note.setWordWrap(True)
        self._note.setTextFormat(Qt.TextFormat.RichText)
        self._note.linkActivated.connect(self.show_photos)
        self.numbers = QLabel()
        self._charts: dict[str, QLabel] = {}
        self._images: dict[str, QImage] = {}
        self._photos_title = heading(None, TEXT_PX)
        self.gallery = Gallery(session, theme)
        self.gallery.opened.connect(self.photo)
        self._changes: list[Change] = []
        self.changed_button = QPushButton()
        self.changed_button.clicked.connect(self._list_changes)
        self.changed_button.hide()
        self.use_button = QPushButton(self.tr("Use this model"))
        self.use_button.setProperty("primary", True)
        self.use_button.clicked.connect(self.use)
        self._browse = QPushButton(self.tr("Open the report"))
        self._browse.clicked.connect(self._open_page)
        self.back_button = QPushButton(self.tr("Back"))
        self.back_button.clicked.connect(self.back)
        self._lay_out()
        theme.changed.connect(self._draw)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(GRID_PX)
        head.addWidget(self._title, 1)
        for button in (self.changed_button, self.back_button, self._browse, self.use_button):
            head.addWidget(button)
        layout = QVBoxLayout(self)
        margin = 3 * GRID_PX
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.setSpacing(GRID_PX)
        layout.addLayout(head)
        layout.addWidget(self._subtitle)
        layout.addWidget(self._note)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self._figures_part())
        split.addWidget(self._photos_part())
        split.setStretchFactor(0, 0)
        split.setStretchFactor(1, 1)
        layout.addWidget(split, 1)

    def _figures_part(self) -> QScrollArea:
        self.numbers.setTextFormat(Qt.TextFormat.RichText)
        self.numbers.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.numbers.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.numbers.linkActivated.connect(self.show_photos)
        self.numbers.setAccessibleName(self.tr("Figures; each leads to its photos"))
        inner = QWidget()
        row = QHBoxLayout(inner)
        row.setContentsMargins(0, GRID_PX, GRID_PX, GRID_PX)
        row.setSpacing(2 * GRID_PX)
        row.addWidget(self.numbers, 0, Qt.AlignmentFlag.AlignTop)
        for name in ("confusion", "reliability", "roc", "confidence"):
            chart = QLabel()
            chart.setAccessibleName(words.named(words.tr(name)))
            chart.setAlignment(Qt.AlignmentFlag.AlignCenter)
            self._charts[name] = chart
            row.addWidget(chart, 0, Qt.AlignmentFlag.AlignTop)
        row.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(inner)
        scroll.setMinimumHeight(CHART_PX + 6 * GRID_PX)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        see_through(scroll)
        return scroll

    def _photos_part(self) -> QWidget:
        part = QWidget()
        layout = QVBoxLayout(part)
        layout.setContentsMargins(0, GRID_PX, 0, 0)
        layout.setSpacing(GRID_PX)
        layout.addWidget(self._photos_title)
        layout.addWidget(self.gallery, 1)
        return part

    # What is shown

    @property
    def complete(self) -> bool:
        """Whether figures and charts are there."""
        return self.read is not None and self._images.keys() == self._charts.keys()

    def show_folder(self, folder: Path, *, usable: bool) -> None:
        """Show an evaluation folder; ``usable``: its model can be taken into use."""
        self.read = None
        self._images = {}
        self._changes = []
        self.changed_button.hide()
        self.use_button.setVisible(usable)
        self._title.setText(self.tr("Reading the report…"))
        self._subtitle.setText("")
        self._note.hide()
        self.numbers.setText("")
        self.gallery.show_photos([])
        self._session.in_background(partial(_read, folder), self._arrived, self._failed)

    def _failed(self, error: PetVisionError) -> None:
        self._title.setText(self.tr("The report cannot be read"))
        self._note.setText(escape(words.error_sentence(error)))
        self._note.show()

    def _arrived(self, read: Read) -> None:
        self.read = read
        evaluation, figures = read.evaluation, read.figures
        name = evaluation.model.name
        share = f"{100 * figures.accuracy:.2f} %"
        self._title.setText(self.tr("{name}: {share} right").format(name=name, share=share))
        low, high = figures.accuracy_wilson
        self._subtitle.setText(
            self.tr("{photos}, {data}; 95 % interval {low} to {high}")
            .format(
                photos=words.photos(figures.n), data=evaluation.data,
                low=f"{100 * low:.1f} %", high=f"{100 * high:.1f} %",
            )
        )  # fmt: skip
        self._say_note(figures)
        self.numbers.setText(self._table(read))
        self.show_photos("right=0" if not evaluation.right.all() else "sort=unsure")
        self._draw()

    def _say_note(self, figures: Figures) -> None:
        notes = []
        if figures.learned:
            text = self.tr(
                "<b>{count} of these photos are ones it was trained or chosen on:</b> the figures "
                "flatter it."
            ).format(count=_link("learned=1", f"{figures.learned:,}", self._theme.style))
            if figures.accuracy_others is not None:
                rest = self.tr("On the others it is right for {share}.").format(
                    share=_link(
                        "learned=0", f"{100 * figures.accuracy_others:.2f} %", self._theme.style
                    )
                )
                text = f"{text} {rest}"
            notes.append(text)
        if near_certain(figures):
            notes.append(
                self.tr(
                    "<b>Nearly every answer is near-certain.</b> These photos are too much like "
                    "those it learned from: try photos from elsewhere, and photos of none of the "
                    "classes."
                )
            )
        self._note.setVisible(bool(notes))
        self._note.setText("<br>".join(notes))

    def _table(self, read: Read) -> str:
        colours = self._theme.style
        f = read.figures
        wrong = int((~read.evaluation.right).sum())
        rows = [
            (self.tr("Right"), "right=1", f"{f.n - wrong:,}"),
            (self.tr("Wrong"), "right=0", f"{wrong:,}"),
            (self.tr("Refused as unknown"), "refused=1", f"{int(read.evaluation.refused.sum()):,}"),
            (self.tr("ROC-AUC"), "sort=loss", f"{f.roc_auc:.5f}"),
            (self.tr("F1"), "sort=loss", f"{f.f1_macro:.4f}"),
            (self.tr("Log loss"), "sort=loss", f"{f.log_loss:.4f}"),
            (self.tr("Calibration error (ECE)"), "sort=unsure", f"{f.ece_after:.4f}"),
        ]
        lines = [_line(title, _link(ask, number, colours)) for title, ask, number in rows]
        classes = f.classes[:CLASSES_MOST]
        quiet_style = f"color:{colours.muted}"
        head = "".join(
            f"<td align='right' style='{quiet_style}; padding:10px 0 2px 18px'>{word}</td>"
            for word in (self.tr("precision"), self.tr("recall"), self.tr("photos"))
        )
        table = [f"<tr><td></td>{head}</tr>"]
        for number, one in enumerate(classes):
            cells = (
                _link(f"answer={number}", f"{one.precision:.3f}", colours),
                _link(f"truth={number}", f"{one.recall:.3f}", colours),
                _link(f"truth={number}", f"{one.support:,}", colours),
            )
            cell = "<td align='right' style='padding:2px 0 2px 18px'>"
            inner = "".join(f"{cell}{link}</td>" for link in cells)
            table.append(f"<tr><td>{escape(one.name.replace('_', ' '))}</td>{inner}</tr>")
        mistakes = "".join(_line(title, link) for title, link in self._mistakes(f, colours))
        return (
            f"<table cellspacing='0'>{''.join(lines)}</table>"
            f"<table cellspacing='0'>{''.join(table)}</table>"
            f"<table cellspacing='0'>{mistakes}</table>"
        )

    def _mistakes(self, figures: Figures, colours: Style) -> list[tuple[str, str]]:
        table = np.array(figures.confusion)
        np.fill_diagonal(table, 0)
        order = np.argsort(-table, axis=None, kind="stable")[:MATRIX_MOST]
        found = []
        for t, a in zip(*np.unravel_index(order, table.shape), strict=True):
            if table[t, a]:
                names = [figures.classes[i].name.replace("_", " ") for i in (t, a)]
                title = self.tr("{truth} taken for {answer}").format(
                    truth=names[0], answer=names[1]
                )
                found.append((title, _link(f"truth={t}&answer={a}", str(table[t, a]), colours)))
        return found

    def show_photos(self, ask: str) -> None:
        """Show the photos behind a number."""
        if self.read is None:
            return
        evaluation = self.read.evaluation
        chosen = photos_behind(evaluation, ask)
        scores = evaluation.scores
        shown = []
        for i in chosen[:MOST]:
            said = evaluation.classes[evaluation.answers[i]].replace("_", " ")
            text = f"{said} {words.short_percent(float(scores[i].max()))}"
            wrong = not evaluation.right[i]
            if wrong:
                truth = evaluation.classes[evaluation.labels[i]].replace("_", " ")
                text += "\n" + self.tr("truth: {truth}").format(truth=truth)
            shown.append(Shown(evaluation.files[i], text, wrong))
        self._photos_title.setText(self._photo_words(ask, len(chosen)))
        self.gallery.show_photos(shown)

    def _photo_words(self, ask: str, count: int) -> str:
        title = words.photos(count)
        if "right=0" in ask:
            title = self.tr("{photos} with a wrong answer").format(photos=title)
        elif "refused=1" in ask:
            title = self.tr("{photos} refused as unknown").format(photos=title)
        elif "learned=1" in ask:
            title = self.tr("{photos} that it was trained or chosen on").format(photos=title)
        elif "learned=0" in ask:
            title = self.tr("{photos} that it never saw").format(photos=title)
        elif "unsure" in ask:
            title = self.tr("{photos}, the least sure first").format(photos=title)
        if count > MOST:
            title += self.tr("; the first {most} are shown").format(most=MOST)
        return title

    def show_changes(self, changed: list[Change]) -> None:
        """Offer the list of verdicts that are others now than in the batch run."""
        self._changes = changed
        text = self.tr("{count} verdicts changed").format(count=len(changed))
        self.changed_button.setText(text)
        self.changed_button.show()

    def _list_changes(self) -> None:
        mended = sum(change.mended for change in self._changes)
        self._photos_title.setText(
            self.tr("{count} verdicts changed, {mended} of them for the better").format(
                count=len(self._changes), mended=mended
            )
        )
        self.gallery.show_photos(
            [Shown(c.path, f"{c.before} → {c.now}", not c.mended) for c in self._changes]
        )

    # Charts

    def _draw(self) -> None:
        if self.read is None:
            return
        self.numbers.setText(self._table(self.read))
        for name in self._charts:
            work = partial(_chart, self.read, name, self._theme.style)
            self._session.in_background(work, partial(self._drawn, name), self._failed)

    def _drawn(self, name: str, image: QImage) -> None:
        self._images[name] = image
        self._fit(name)

    def _fit(self, name: str) -> None:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap.fromImage(self._images[name])
        smooth = Qt.TransformationMode.SmoothTransformation
        pixmap = pixmap.scaledToHeight(round(CHART_PX * ratio), smooth)
        pixmap.setDevicePixelRatio(ratio)
        self._charts[name].setPixmap(pixmap)

    def _open_page(self) -> None:
        if self.read is not None:
            page = self.read.folder / "report.html"
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(page)))


def _line(title: str, link: str) -> str:
    first = f"<td style='padding:2px 24px 2px 0'>{escape(title)}</td>"
    return f"<tr>{first}<td align='right'>{link}</td></tr>"


def _link(ask: str, number: str, colours: Style) -> str:
    return f"<a href='{escape(ask)}' style='color:{colours.accent}'>{number}</a>"


def _read(folder: Path) -> Read:
    from petvision.evaluate.results import figures_of

    evaluation = read_evaluation(folder)
    return Read(folder, evaluation, figures_of(evaluation))


def _chart(read: Read, name: str, style: Style) -> QImage:
    """A chart as an image; drawn in the pool, which has no window to hold up."""
    from petvision.evaluate.results import rankings
    from petvision.figures.charts import file_of
    from petvision.figures.evaluation import CHARTS, Material

    material = Material(read.evaluation, read.figures, rankings(read.evaluation))
    return QImage.fromData(file_of(CHARTS[name](material, style), "png", 150))
