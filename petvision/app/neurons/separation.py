"""Which filters of a layer tell two folders apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QWidget

from petvision.app.dialogs import Page
from petvision.app.neurons.rows import FilterRows
from petvision.app.neurons.work import NeuronsWork, Sight
from petvision.app.widgets.labels import quiet
from petvision.events import Progress
from petvision.images.types import Source
from petvision.neurons.results import Separation

SIZE = (560, 620)


class SeparationDialog(Page):
    """The filters by how well they separate; a click chooses one everywhere."""

    def __init__(
        self,
        work: NeuronsWork,
        layer: str,
        folders: tuple[str, str],
        found: tuple[Separation, ...],
        parent: QWidget,
    ) -> None:
        super().__init__(parent.tr("What separates two folders"), parent)
        first, second = (Path(folder).name or folder for folder in folders)
        about = quiet()
        about.setText(
            self.tr(
                "Filters of {layer} by how well their mean activation tells {first} from {second}. "
                "AUROC: the chance that a photo of {first} fires the filter more (0.5: no "
                "difference). Effect: the difference of the means in standard deviations."
            ).format(layer=layer, first=first, second=second)
        )
        self.rows = FilterRows(
            (self.tr("Filter"), self.tr("Effect"), self.tr("AUROC")), self.windowTitle()
        )
        self.rows.fill(
            [
                (one.index, (str(one.index), f"{one.effect:+.3f}", f"{one.auroc:.3f}"))
                for one in found
            ]
        )
        self.rows.chosen.connect(work.select)
        self.body.addWidget(about)
        self.body.addWidget(self.rows, 1)
        self.resize(*SIZE)


def separated(sight: Sight, layer: str, folders: tuple[str, str]) -> Iterator[Any]:
    """The job for the lane: both folders are listed, then looked through."""
    from petvision.images.inputs import expand
    from petvision.reports.neurons_folder import separation

    sides: list[list[Source]] = []
    for folder in folders:
        sides.append([])
        for source in expand([folder]):
            sides[-1].append(source)
            yield Progress(0, 0, "listing")
    yield from separation(sight.handle, sight.anatomy, layer, sides[0], sides[1])
