"""The heat of many photos of a run together: the mean of a selection, and the shortcut alarm."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from petvision.batch.alarm import Shortcut, mean_heat, shortcut
from petvision.batch.rows import Heat, Reader
from petvision.images.types import Floats


@dataclass(frozen=True, slots=True, eq=False)
class MeanHeat:
    """The mean heat (n×n over the photo's frame) of ``photos`` for each class, by one method."""

    method: str
    target: str
    photos: int
    heat: Floats
    alarm: Shortcut | None


def means(folder: Path, items: Sequence[int] | None = None) -> list[MeanHeat]:
    """The mean heats of a run's photos (or of some), by method and class, with their alarms.

    Raises:
        OutputError: when there is no store or it cannot be read.
    """
    with closing(Reader(folder)) as reader:
        numbers = sorted(reader.explained()) if items is None else list(items)
        found = reader.heats(numbers)
    groups: dict[tuple[str, str], list[Heat]] = {}
    for heat in found:
        groups.setdefault((heat.method, heat.target), []).append(heat)
    return [_mean(*names, group) for names, group in sorted(groups.items())]


def shortcuts(folder: Path) -> list[Shortcut]:
    """The alarms that ring for a run's explained photos.

    Raises:
        OutputError: when there is no store or it cannot be read.
    """
    return [mean.alarm for mean in means(folder) if mean.alarm is not None]


def _mean(method: str, target: str, group: Sequence[Heat]) -> MeanHeat:
    heats = [one.heat for one in group]
    return MeanHeat(method, target, len(group), mean_heat(heats), shortcut(target, heats))
