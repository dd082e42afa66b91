"""A look at the data before anything is trained: what is there, and what is wrong with it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from petvision.events import Progress, Result, through
from petvision.images.types import Pixels
from petvision.models.files import write_atomically
from training.config import Config
from training.data import Split, split_of, test_photos
from training.loader import Loader
from training.statistics import measured
from training.unknown import check_unknown

BATCH = Path("figures", "batch.png")  # in a run's folder
SHOWN = 16  # photos of the batch that is pictured
COLUMNS = 8
TILE, LINE = 128, 16  # pixels
LOPSIDED = 10  # times more photos of one class than of another
FEW = 20  # photos of a class


@dataclass(frozen=True, slots=True)
class Check:
    """What the data is like.

    ``counts`` are photos by part and class (``test`` of the official test part, where there is
    one); ``left_out`` files and why; ``warnings`` sentences a person should read before training;
    ``batch`` a picture of training photos as the network sees them; ``mean`` and ``std`` what the
    run will normalise by.
    """

    digest: str
    classes: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    left_out: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    batch: str

    def as_json(self) -> dict[str, object]:
        """The check as ``petvision train --check --json`` prints it."""
        left_out = [{"file": name, "why": why} for name, why in self.left_out]
        return {"event": "check", **asdict(self), "left_out": left_out}


def check(config: Config) -> Iterator[Progress | Result[Check]]:
    """Split the data, look for what is wrong, and picture a batch; writes into ``config.out``.

    Raises:
        InputError, ConfigError: when the data cannot be trained on.
        OutputError: when the run's folder cannot be written.
    """
    folder = config.out
    split = yield from through(split_of(config, folder / "data.json"))
    strangers = check_unknown(config, split)
    resolved = yield from measured(config, split)
    spec = resolved.data.input_spec
    picture = folder / BATCH
    write_atomically(picture, batch_picture(resolved, split))
    counts = dict(split.counts)
    if tests := test_photos(config):
        counts["test"] = {c: sum(p.label == c for p in tests) for c in split.classes}
    yield Result(
        Check(
            split.digest,
            split.classes,
            counts,
            split.left_out,
            (*warnings_of(split), *strangers),
            spec.mean,
            spec.std,
            str(picture),
        )
    )


def warnings_of(split: Split) -> Iterator[str]:
    """What is not wrong but worth knowing."""
    counts = split.counts["train"]
    least, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    if counts[most] > LOPSIDED * counts[least]:
        yield (
            f"There are {counts[most]:,} photos of {most} to train on and {counts[least]:,} of "
            f"{least}: figures of {least} will be rough."
        )
    elif counts[least] < FEW:
        yield f"There are only {counts[least]} photos of {least} to train on."
    if len(split.validation) < FEW * 5:
        yield (
            f"Only {len(split.validation)} photos choose and calibrate: their figures are rough."
        )
    unread = sum("shows the same photo" not in why for _, why in split.left_out)
    twins = len(split.left_out) - unread
    if unread:
        yield f"{unread} of the files cannot be read and are left out."
    if twins:
        yield f"{twins} photos show the same as one that is measured or chosen on; left out."


def batch_picture(config: Config, split: Split) -> bytes:
    """The first training photos as the network sees them, with their classes, as PNG."""
    data = config.data
    step = max(1, len(split.train) // SHOWN)
    photos = split.train[::step][:SHOWN]
    loader = Loader(photos, split.classes, data.input_spec, SHOWN, data.augment, config.seed)
    tiles = [loader.view(i, 1) for i in range(len(photos))]
    content = io.BytesIO()
    _grid(tiles, [p.label for p in photos]).save(content, "PNG")
    return content.getvalue()


def _grid(tiles: list[Pixels], labels: list[str]) -> Image.Image:
    rows = -(-len(tiles) // COLUMNS)
    grid = Image.new("RGB", (COLUMNS * TILE, rows * (TILE + LINE)), "white")
    pen = ImageDraw.Draw(grid)
    for i, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        x, y = (i % COLUMNS) * TILE, (i // COLUMNS) * (TILE + LINE)
        small = Image.fromarray(tile).resize((TILE - 4, TILE - 4), Image.Resampling.BILINEAR)
        grid.paste(small, (x + 2, y + 2))
        pen.text((x + 4, y + TILE), label[:20], fill="black")
    return grid
