"""The folder of one photo's filters: the ranking, the figures, the activations."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from petvision.errors import OutputError
from petvision.events import Event, Progress, Result
from petvision.figures import neurons as tiles
from petvision.figures.neurons_sheet import Sheet, sheet_bytes
from petvision.images.door import decode_for_display, load
from petvision.images.prepare import prepare_encoded
from petvision.images.types import Picture, Source
from petvision.models.files import write_atomically
from petvision.models.handle import ModelHandle
from petvision.neurons.layers import Anatomy
from petvision.neurons.rank import level_of
from petvision.neurons.results import Analysis, Choice, Detail, Maps, Ranked
from petvision.neurons.run import analyse
from petvision.reports.prediction import prediction_json

FORMAT = 1
RECORD = "analysis.json"
COLUMNS = ("rank", "filter", "score", "mean", "max", "std", "sparsity", "level")
GRID = 24
DISPLAY_PIXELS = 1_500_000


@dataclass(frozen=True, slots=True)
class Looked:
    """A photo's analysis and the files that hold it."""

    analysis: Analysis
    files: tuple[Path, ...]


def analyse_to_folder(
    handle: ModelHandle,
    source: Source,
    folder: Path | None,
    *,
    anatomy: Anatomy,
    layer: str = "",
    choice: Choice | None = None,
    count: int = 6,
    target: str | None = None,
    threshold: float = 0.5,
) -> Iterator[Event[Looked]]:
    """Look at a photo's filters and write what was seen; see ``write`` for the files.

    Without a folder nothing is written.

    Raises:
        InputError: when the photo cannot be had or read.
        ConfigError: as ``analyse``.
        OutputError: when the folder cannot be written.
    """
    encoded = load(source)
    prepared = prepare_encoded(encoded, handle.spec)
    job = analyse(
        handle,
        prepared,
        layer=layer,
        choice=choice,
        count=count,
        target=target,
        threshold=threshold,
        anatomy=anatomy,
    )
    for event in job:
        if isinstance(event, Progress):
            yield event
        elif isinstance(event, Result):
            files: tuple[Path, ...] = ()
            if folder is not None:
                yield Progress(0, 0, "figures")
                photo = decode_for_display(encoded, max_pixels=DISPLAY_PIXELS)
                files = write(folder, source, event.value, photo)
            yield Result(Looked(event.value, files))


def write(
    folder: Path, source: Source, analysis: Analysis, photo: Picture | None
) -> tuple[Path, ...]:
    """Write ``ranking.csv``, ``activations.npz``, the sheets as PNG and ``analysis.json``.

    The filters' sheets that an earlier look at the photo left there are taken away.

    Raises:
        OutputError: ``exists`` when the folder holds something else; when it cannot be written.
    """
    _see_that_it_is_ours(folder, analysis.prediction.image.sha256)
    contents = {
        "ranking.csv": ranking_csv(analysis.maps, analysis.ranking).encode(),
        "activations.npz": activations_npz(analysis.maps),
        "heatmaps.png": sheet_bytes(heat_sheet(analysis, photo), "png"),
        "grid.png": sheet_bytes(grid_sheet(analysis), "png"),
    }
    for detail in analysis.details:
        name = f"filter-{detail.index}.png"
        contents[name] = sheet_bytes(detail_sheet(analysis.maps, detail, photo), "png")
    record = json.dumps(analysis_json(source, analysis), indent=1)
    contents[RECORD] = record.encode("ascii") + b"\n"
    for name, content in contents.items():
        write_atomically(folder / name, content)
    for left in folder.glob("filter-*.png"):  # of another layer or ranking, of the same photo
        if left.name not in contents:
            left.unlink(missing_ok=True)
    return tuple(folder / name for name in contents)


def _see_that_it_is_ours(folder: Path, sha256: str) -> None:
    """A folder may be new, empty, or hold the filters of the very same photo.

    Raises:
        OutputError: ``exists``.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        record = json.loads((folder / RECORD).read_bytes())
        if record["prediction"]["image"]["sha256"] == sha256:
            return
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not a record of ours: something else lives here
    remedy = "Choose another --out folder, or move this one away."
    raise OutputError("exists", os.fsencode(folder).decode(errors="replace"), remedy=remedy)


def row_of(maps: Maps, ranked: Ranked) -> tuple[str | int | float, ...]:
    """A filter's row of the table, in the order of ``COLUMNS``."""
    stats, i = maps.stats, ranked.index
    sparsity = float(stats.sparsity[i])
    return (
        ranked.rank, i, ranked.score, float(stats.mean[i]), float(stats.max[i]),
        float(stats.std[i]), sparsity, level_of(sparsity),
    )  # fmt: skip


def ranking_csv(maps: Maps, ranking: Sequence[Ranked]) -> str:
    """The whole ranking as CSV with a head."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row_of(maps, ranked) for ranked in ranking)
    return out.getvalue()


def activations_npz(maps: Maps) -> bytes:
    """The activations (``activations`` c×h×w) and their figures as an NPZ file."""
    out = io.BytesIO()
    stats = maps.stats
    np.savez_compressed(
        out, activations=maps.maps, layer=np.array(maps.layer.name), mean=stats.mean,
        max=stats.max, std=stats.std, sparsity=stats.sparsity, box=np.array(maps.geometry.box),
    )  # fmt: skip
    return out.getvalue()


def activations_csv(maps: Maps) -> str:
    """The activations as CSV: filter, row, column, activation."""
    out = io.StringIO()
    out.write("filter,row,column,activation\n")
    for index, one in enumerate(maps.maps):
        for row, values in enumerate(one):
            for column, value in enumerate(values):
                out.write(f"{index},{row},{column},{value:.7g}\n")
    return out.getvalue()


def heat_sheet(
    analysis: Analysis, photo: Picture | None, opacity: float = 0.6, colours: str = "inferno"
) -> Sheet:
    """The top filters over the photo, three in a row."""
    ranked = analysis.ranking[: max(len(analysis.details), 1)]
    made = tiles.heat_tiles(analysis.maps, ranked, photo, opacity, colours)
    return Sheet(_title(analysis), _about(analysis), tuple(made), 3, (_SCALE,))


def grid_sheet(analysis: Analysis, first: int = 0, colours: str = "inferno") -> Sheet:
    """A page of at most 24 filters' maps from rank ``first`` + 1."""
    made = tiles.grid_tiles(analysis.maps, analysis.ranking[first : first + GRID], colours)
    return Sheet(_title(analysis), _about(analysis), tuple(made), 6, (_SCALE,))


def detail_sheet(maps: Maps, detail: Detail, photo: Picture | None, say: tiles.Say = str) -> Sheet:
    """One filter: its regions on the photo, its heat, its kernel, and what they say."""
    under = tiles.small_photo(photo, maps.geometry)
    one = maps.maps[detail.index]
    made = [
        tiles.Tile(tiles.boxes_over(under, detail, maps.geometry), say("regions"), detail.index),
        tiles.Tile(tiles.heat_over(under, one, maps.geometry), say("activation"), detail.index),
    ]
    if detail.kernel is not None:
        made += tiles.kernel_tiles(detail.kernel, detail.index, say=say)
    title = say("{layer}, filter {filter}").format(layer=maps.layer.name, filter=detail.index)
    lines = tuple(sentence.said(say) for sentence in detail.words)
    mind = say("Mind: {words}")
    notes = tuple(mind.format(words=sentence.said(say)) for sentence in detail.warnings)
    scale = say(
        "White: the exact receptive field of region 1’s peak, where the cell can see at all."
    )
    return Sheet(title, lines, tuple(made), 2 if detail.kernel is None else 3, (*notes, scale))


_SCALE = "Each map on its own scale from zero to its largest activation."


def _title(analysis: Analysis) -> str:
    return f"{analysis.model.name}, {analysis.layer.name}"


def _about(analysis: Analysis) -> tuple[str, ...]:
    choice, layer = analysis.choice, analysis.layer
    words = f"{layer.filters} filters, ranked by {choice.criterion}"
    if choice.criterion in ("balanced", "focus"):
        words += f" (weight {choice.weight:g}, minimum sparsity {choice.minimum:g})"
    return (words + ".",)


def analysis_json(source: Source, analysis: Analysis) -> dict[str, object]:
    """Everything but the maps, for a program to read."""
    layer, stats = analysis.layer, analysis.maps.stats
    return {
        "format": FORMAT,
        "prediction": prediction_json(source, analysis.prediction),
        "target": analysis.target,
        "layer": {
            **asdict(layer),
            "shape": list(layer.shape),
            "mean": float(stats.mean.mean()),
            "max": float(stats.max.max()),
            "std": float(analysis.maps.maps.std(dtype=np.float64)),
            "sparsity": float(stats.sparsity.mean()),
        },
        "choice": asdict(analysis.choice),
        "ranking": [
            {
                **dict(zip(COLUMNS, row_of(analysis.maps, ranked), strict=True)),
                **_extra(analysis, ranked.index),
            }
            for ranked in analysis.ranking
        ],
        "filters": [_detail_json(detail) for detail in analysis.details],
        "engine": "torch-fp32",
    }


def _extra(analysis: Analysis, index: int) -> dict[str, float]:
    known = {"effect": analysis.effects, "focus": analysis.focus}
    return {name: float(values[index]) for name, values in known.items() if values is not None}


def _detail_json(detail: Detail) -> dict[str, object]:
    return {
        "filter": detail.index,
        "level": detail.level,
        "threshold": detail.threshold,
        "regions": [asdict(region) for region in detail.regions],
        "words": [str(sentence) for sentence in detail.words],
        "warnings": [{"code": w.code, "words": str(w)} for w in detail.warnings],
    }
