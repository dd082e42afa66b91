"""The case file: one HTML page that holds a photo, its explanations and all that made them.

The page opens anywhere without a network. Inside it lie the photo's own bytes, every panel's
numbers and the record, so that ``petvision explain --verify`` and the window can run the case
again and say whether it still comes out the same. ``explanation.json`` beside its ``.npy`` files
is the same record without the photo.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from petvision.errors import InputError
from petvision.explain.results import Explained, Explanation
from petvision.figures.render import png
from petvision.figures.style import PRINT
from petvision.images.inputs import source_of
from petvision.images.types import Encoded, InputSpec, Picture, Source
from petvision.models.predict import Unknown
from petvision.reports.panels import as_json, explanation_json, npy

HTML, JSON = "case.html", "explanation.json"
LARGEST_PHOTO = 48_000_000
LARGEST_FILE = 512_000_000
QUALITY = 88
_PART = re.compile(
    rb'<script type="(?:application/json|text/plain)" id="petvision-([\w.-]+)">(.*?)</script>',
    re.DOTALL,
)
_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, OSError, EOFError, zlib.error)


@dataclass(frozen=True, slots=True, eq=False)
class RecordedPanel:
    """One panel of a case: its method, its parameters, its numbers and who computed them.

    ``target`` is its own class ("dog − cat" for a difference), empty where it has none.
    """

    method: str
    parameters: Mapping[str, object]
    engine: str
    values: npt.NDArray[Any]
    target: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A case as it was recorded.

    ``source`` is the photo (its bytes where the file holds them); the digests are sha256 in
    hexadecimal; ``transform`` is that of ``transform_sha256``; ``unknown`` as in ``predict``.
    """

    name: str
    source: Source
    image_sha256: str
    model: str
    model_sha256: str
    transform: str
    engine: str
    target: str
    label: str
    scores: Mapping[str, float]
    panels: tuple[RecordedPanel, ...]
    unknown: Unknown = "auto"


def transform_sha256(spec: InputSpec) -> str:
    """The digest of how a photo becomes what the network sees."""
    return hashlib.sha256(json.dumps(asdict(spec), sort_keys=True).encode()).hexdigest()


def record(source: Source, explained: Explained, spec: InputSpec) -> dict[str, object]:
    """What ``explanation.json`` holds, with the transform and its digest."""
    transform = {**asdict(spec), "sha256": transform_sha256(spec)}
    return {**explanation_json(source, explained), "transform": transform}


def pack(
    encoded: Encoded, explained: Explained, photo: Picture, spec: InputSpec, *, html: bool = True
) -> dict[str, bytes]:
    """The files that ``panels.write`` is given: the record and, where wanted, the page."""
    files = {JSON: as_json(record(encoded.source, explained, spec))}
    if html:
        files[HTML] = page(encoded, explained, photo, spec)
    return files


def page(encoded: Encoded, explained: Explained, photo: Picture, spec: InputSpec) -> bytes:
    """The case as one HTML file.

    Args:
        encoded: the photo's bytes; they go along up to ``LARGEST_PHOTO``.
        explained: its verdict and panels.
        photo: upright and uncropped, to look at.
        spec: how the model wants its pictures.
    """
    facts = record(encoded.source, explained, spec)
    prediction = explained.prediction
    parts = [_part("application/json", "case", json.dumps(facts).replace("</", "<\\/"))]
    if len(encoded.data) <= LARGEST_PHOTO:
        parts.append(_part("text/plain", "photo", base64.b64encode(encoded.data).decode()))
    for one in explained.explanations:
        packed = base64.b64encode(zlib.compress(npy(one), 6)).decode()
        parts.append(_part("text/plain", f"values.{one.method}", packed))
    name = html.escape(encoded.source.label)
    label = "unknown" if prediction.unknown else prediction.label
    verdict = f"{label} · {_percent(prediction.confidence)}"
    body = [
        f"<header><img alt='{name}' src='{_jpeg(photo)}'><div>",
        f"<p class='quiet'>{name}</p><h1>{html.escape(verdict)}</h1>",
        _table([(k, _percent(v)) for k, v in prediction.scores.items()]),
        f"<p class='quiet'>Explained: why it would be <b>{html.escape(explained.target)}</b>.</p>",
        "</div></header><main>",
        *(_panel(one, photo) for one in explained.explanations),
        *(
            f"<section><h2>{html.escape(f.method)}</h2><p>{html.escape(str(f.error))}</p></section>"
            for f in explained.failures
        ),
        "</main><section><h2>Where this comes from</h2>",
        _table(_origin(encoded, explained, spec)),
        "<p class='quiet'>Run it again and see whether it comes out the same: "
        f"<code>petvision explain --verify {HTML}</code>, or drop this file on the window.</p>",
        "</section>",
    ]
    head = f"<title>PetVision: {name}</title><style>{_STYLE}</style>"
    start = f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>{head}</head><body>"
    return "\n".join([start, *body, *parts, "</body></html>"]).encode("utf-8", "replace")


def read(path: str | Path) -> Case:
    """Read a case file (``.html``) or a record (``.json``) with its ``.npy`` files.

    Raises:
        InputError: ``not_found``, ``refused`` when it is too large, ``unsupported`` when it is no
            case of PetVision, ``unreadable`` when it is damaged.
    """
    path = Path(path)
    label = path.name.encode(errors="replace").decode()
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError("refused", label, reason="it is too large for a case file", remedy="")
        data = path.read_bytes()
    except OSError as error:
        remedy = "Was it moved or renamed?"
        raise InputError("not_found", label, remedy=remedy) from error
    parts = {name.decode(): content for name, content in _PART.findall(data)}
    text = parts.get("case") if parts else data
    try:
        facts = json.loads(text or b"")
        if not isinstance(facts, dict) or "panels" not in facts or "prediction" not in facts:
            raise ValueError("no case")
    except (ValueError, RecursionError) as error:
        remedy = "A case is made by petvision explain --html or File > Export."
        raise InputError("unsupported", label, found="no case file", remedy=remedy) from error
    try:
        return _case(label, facts, parts, path.parent)
    except _DAMAGED as error:
        raise InputError("unreadable", label, reason="is damaged or lacks a part") from error


def _case(name: str, facts: dict[str, Any], parts: dict[str, bytes], folder: Path) -> Case:
    prediction = facts["prediction"]
    place = str(facts["source"])
    source = source_of(place)
    if "photo" in parts:
        data = base64.b64decode(parts["photo"], validate=True)
        source = Source("bytes", "", Path(place).name or place, data)
    return Case(
        name=name,
        source=source,
        image_sha256=str(prediction["image"]["sha256"]),
        model=str(prediction["model"]["name"]),
        model_sha256=str(prediction["model"]["sha256"]),
        transform=str(facts.get("transform", {}).get("sha256", "")),
        engine=str(prediction["engine"]),
        target=str(facts["target"]),
        label=str(prediction["label"]),
        scores={str(k): float(v) for k, v in prediction["scores"].items()},
        panels=tuple(
            RecordedPanel(
                str(panel["method"]),
                dict(panel["parameters"]),
                str(panel["provenance"]["engine"]),
                _values(str(panel["method"]), parts, folder),
                str(panel.get("target", "")),
            )
            for panel in facts["panels"]
        ),
        unknown=_unknown(facts),
    )


def _unknown(facts: Mapping[str, Any]) -> Unknown:
    """The threshold that the verdict was made with; early records do not tell it."""
    if "unknown_threshold" not in facts:
        return "auto"
    threshold = facts["unknown_threshold"]
    return "off" if threshold is None else float(threshold)


def _values(method: str, parts: dict[str, bytes], folder: Path) -> npt.NDArray[Any]:
    if not re.fullmatch(r"\w+", method):
        raise ValueError(method)
    if parts:
        unpacked = zlib.decompressobj()
        content = unpacked.decompress(base64.b64decode(parts[f"values.{method}"]), LARGEST_FILE)
    else:
        content = (folder / f"{method}.npy").read_bytes()
    return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))


def _part(kind: str, name: str, content: str) -> str:
    return f'<script type="{kind}" id="petvision-{name}">{content}</script>'


def _percent(share: float) -> str:
    if share > 0.999:
        return "over 99.9 %"
    return "under 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def _jpeg(photo: Picture) -> str:
    image = Image.fromarray(photo.pixels)
    image.thumbnail((1200, 900))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def _panel(one: Explanation, photo: Picture) -> str:
    image = base64.b64encode(png(one, photo, PRINT, bare=True)).decode()
    target = getattr(one, "target", "")
    title = f"{one.card.title}: {target}" if target else one.card.title
    rows = [(fact.words, str(fact).removeprefix(f"{fact.words}: ")) for fact in one.facts]
    rows += [
        (key.replace("_", " "), str(value)) for key, value in one.parameters.items() if value != ""
    ]
    rows.append(("engine", one.provenance.engine))
    remark = f"<p><b>{html.escape(one.remark)}</b></p>" if one.remark else ""
    return (
        f"<section class='panel'><h2>{html.escape(title)}</h2>"
        f"<p class='quiet'>{html.escape(one.card.sentence)}</p>"
        f"<img alt='{html.escape(title)}' src='data:image/png;base64,{image}'>{remark}"
        f"{_table(rows)}</section>"
    )


def _origin(encoded: Encoded, explained: Explained, spec: InputSpec) -> list[tuple[str, str]]:
    prediction = explained.prediction
    image = prediction.image
    rows = [
        ("photo", f"{image.width} × {image.height} {image.format}"),
        ("photo, sha256", image.sha256),
        ("model", prediction.model.name),
        ("weights, sha256", prediction.model.sha256),
        ("transform", f"short side {spec.resize}, centre {spec.size}, {spec.interpolation}"),
        ("transform, sha256", transform_sha256(spec)),
        ("verdict computed by", prediction.engine),
    ]
    if encoded.source.location:
        rows.insert(0, ("file", encoded.source.location.encode(errors="replace").decode()))
    for one in explained.explanations[:1]:
        rows += [(f"version of {k}", v) for k, v in one.provenance.versions.items()]
    seeds = {one.method: one.provenance.seed for one in explained.explanations}
    told = ", ".join(f"{name} {seed}" for name, seed in seeds.items() if seed is not None)
    return [*rows, ("seeds", told or "nothing random was used")]


def _table(rows: list[tuple[str, str]]) -> str:
    cells = (f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in rows)
    return f"<table>{''.join(cells)}</table>"


_STYLE = """
:root { color-scheme: light; --line: #d5d9df; --quiet: #5a626d; --accent: #0b756b }
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1d21; background: #f3f4f6;
  max-width: 1180px; margin: 0 auto; padding: 24px }
header, section { background: #fff; border: 1px solid var(--line); border-radius: 6px;
  padding: 16px 20px; margin-bottom: 16px }
header { display: flex; gap: 24px; align-items: flex-start }
header img { max-width: 420px; max-height: 340px; border-radius: 6px }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(460px, 1fr)); gap: 16px;
  margin-bottom: 16px }
main section { margin: 0 }
h1 { font-size: 28px; margin: 0 0 12px; text-transform: capitalize }
h2 { font-size: 17px; margin: 0 0 4px }
.quiet { color: var(--quiet); margin: 4px 0 }
.panel img { width: 100%; height: auto; margin: 8px 0 }
table { border-collapse: collapse; font-size: 13px; width: 100% }
th { text-align: left; font-weight: 500; color: var(--quiet); padding: 2px 16px 2px 0;
  white-space: nowrap; vertical-align: top }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; width: 100% }
code { background: #e9ebef; border-radius: 4px; padding: 1px 5px }
@media print { body { background: none; max-width: none } section { break-inside: avoid } }
"""
