"""One HTML file for a person: every photo small, searchable, with its heat and the counts.

Nothing is loaded from anywhere: thumbnails, heat, style and script are in the file. The page draws
only what is in view, so that ten thousand photos scroll like ten.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from petvision.batch.outputs.base import Output, aside, final, when
from petvision.batch.rows import Reader, Row
from petvision.errors import InputError
from petvision.events import Event, Progress, Result
from petvision.figures.style import DARK, LIGHT, Style
from petvision.images.door import decode, load
from petvision.images.inputs import source_of
from petvision.images.types import Floats
from petvision.places import bundled

MOST = 10_000  # photos on the page
THUMBNAIL_PX, QUALITY = 128, 62
AT_ONCE = 32
MARK = "/*DATA*/"


def write(reader: Reader, path: Path) -> Iterator[Event[Path]]:
    """Write ``report.html``; of more than ``MOST`` photos the first so many, which it says."""
    total = min(MOST, reader.summary().items)
    before, after = _template().split(MARK)
    rows = islice(reader.rows(), MOST)
    done = 0
    with (
        aside(path) as part,
        part.open("w", encoding="utf-8") as file,
        ThreadPoolExecutor(2) as pool,
    ):
        file.write(before)
        file.write(f'{{"run": {_script(_facts(reader))}, "rows": [')
        while chunk := list(islice(rows, AT_ONCE)):
            thumbnails = list(pool.map(_thumbnail, chunk))
            for row, thumbnail in zip(chunk, thumbnails, strict=True):
                file.write(",\n" if done else "\n")
                file.write(_script(_entry(reader, row, thumbnail)))
                done += 1
            yield Progress(done, total, path.name)
        file.write(f"]}}{after}")
    yield Result(path)


def _facts(reader: Reader) -> dict[str, object]:
    summary, identity = reader.summary(), reader.identity
    return {
        "summary": asdict(summary),
        "model": identity.model,
        "sha256": identity.model_sha256[:12],
        "engine": identity.engine,
        "threshold": identity.threshold,
        "classes": list(identity.classes),
        "finished": when(reader.finished()),
        "most": MOST,
    }


def _entry(reader: Reader, row: Row, thumbnail: str) -> dict[str, object]:
    answer = row.answer
    found: dict[str, object] = {"p": row.place, "i": thumbnail, "f": final(row)}
    if answer is not None:
        found |= {"l": answer.label, "b": answer.best, "c": round(answer.confidence, 4)}
        if answer.unknown_score is not None:
            found["u"] = round(answer.unknown_score, 4)
    if row.failed is not None:
        found["e"] = row.failed.message
    if row.truth is not None:
        found |= {"t": row.truth, "by": row.truth_by}
    heats = {heat.method: _heat(heat.heat) for heat in reader.heats([row.number])}
    if heats:
        found["h"] = heats
    return found


def _thumbnail(row: Row) -> str:
    """The photo as a small JPEG in text; empty where there is none to be had."""
    if row.failed is not None or row.kind != "file":
        return ""
    try:
        picture = decode(load(source_of(row.location)), THUMBNAIL_PX)
    except InputError:  # gone or changed since: the row says what was seen then
        return ""
    image = Image.fromarray(picture.pixels)
    image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BILINEAR)
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=QUALITY, optimize=True)
    return base64.b64encode(packed.getvalue()).decode()


def _heat(heat: Floats) -> str:
    """Heat over a photo's whole frame as a small PNG in text, the stronger the less transparent."""
    from petvision.figures.colours import overlay

    signed = bool((heat < 0).any())
    most = float(np.abs(heat).max()) or 1.0
    shares = (heat / most + 1) / 2 if signed else heat / most
    colours = (overlay(signed)(shares) * 255).round().astype(np.uint8)
    packed = io.BytesIO()
    Image.fromarray(colours).quantize(64).save(packed, "PNG", optimize=True)
    return base64.b64encode(packed.getvalue()).decode()


def _template() -> str:
    text = bundled("resources", "templates", "batch.html").read_text(encoding="utf-8")
    for style in (LIGHT, DARK):
        text = text.replace(f"/*{style.name.upper()}*/", _variables(style))
    return text


def _variables(style: Style) -> str:
    names = (
        *("background", "surface", "raised", "text", "muted", "line"),
        *("accent", "on_accent", "good", "unknown", "bad"),
    )
    return " ".join(f"--{name.replace('_', '-')}: {getattr(style, name)};" for name in names)


def _script(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


HTML = Output("html", "report.html", write)
