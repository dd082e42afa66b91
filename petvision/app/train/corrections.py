"""What a person put right in a batch run, as photos to learn from; and what that changed."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from petvision.batch.rows import Reader
from petvision.batch.truth import NEITHER
from petvision.models.files import write_atomically
from petvision.reports.stored import read_evaluation

STORE = "run.sqlite"


@dataclass(frozen=True, slots=True)
class Change:
    """A photo whose best known class is another one now; ``truth`` is what the person said."""

    path: Path
    before: str
    now: str
    truth: str

    @property
    def mended(self) -> bool:
        """Whether it is right now."""
        return self.now == self.truth


def write_table(run: Path, target: Path) -> int:
    """Write the photos of a batch run whose truth is known as a CSV; returns their number.

    Raises:
        OutputError: when the store cannot be read or the table not be written.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "label"])
    count = 0
    with Reader(run) as store:
        for row in store.rows():
            if row.kind == "file" and row.truth not in (None, NEITHER):
                rows.writerow([row.location, row.truth])
                count += 1
    write_atomically(target, text.getvalue().encode("utf-8", "replace"))
    return count


def changes(run: Path, evaluation: Path) -> list[Change]:
    """The photos on which the retrained model answers otherwise than the batch run's.

    Args:
        run: the batch run's folder.
        evaluation: of the new model on its table.

    Raises:
        OutputError, InputError: when one of them cannot be read.
    """
    with Reader(run) as store:
        before = {row.location: row.answer.best for row in store.rows() if row.answer}
    now = read_evaluation(evaluation)
    found = []
    for i, path in enumerate(now.files):
        said, former = now.classes[now.answers[i]], before.get(str(path))
        if former is not None and former != said:
            found.append(Change(path, former, said, now.classes[now.labels[i]]))
    return sorted(found, key=lambda change: change.mended)
