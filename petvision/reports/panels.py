"""The folder of one photo's explanations: ``STEM/METHOD.png``, ``.npy``, ``explanation.json``."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import numpy.typing as npt

from petvision.errors import OutputError
from petvision.explain.results import (
    Attribution,
    ChannelMaps,
    Explained,
    Explanation,
    KernelSet,
)
from petvision.figures.render import png
from petvision.figures.style import LIGHT, Style
from petvision.images.types import Geometry, Picture, Source
from petvision.models.files import output_errors, write_atomically
from petvision.reports.prediction import prediction_json

FORMAT = 1
RECORD = "explanation.json"
_LONGEST = 200  # bytes of a folder's name: room for "-2" and what file systems allow (255)
_UNFIT = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)$")


class Folders:
    """Gives each photo of a run its folder's name: its stem, then ``STEM-2``, ``STEM-3``.

    Names that differ in case only count as equal, because some disks take them for one.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, source: Source) -> str:
        """The next photo's, in input order."""
        stem = name = stem_of(source)
        count = 1
        while name.casefold() in self._taken:
            count += 1
            name = f"{stem}-{count}"
        self._taken.add(name.casefold())
        return name


def stem_of(source: Source) -> str:
    """A photo's name without folder and ending, made fit for a folder on any system."""
    place = source.location or source.label
    if source.kind == "url":
        place = unquote(urlsplit(place).path.rstrip("/").rpartition("/")[2]) or place
    stem = Path(place).stem if source.kind != "url" else place.rpartition(".")[0] or place
    stem = _UNFIT.sub("_", stem).strip(" .")
    if len(name := os.fsencode(stem)) > _LONGEST:
        stem = name[:_LONGEST].decode("utf-8", "ignore").rstrip(" .")
    return f"{stem}_" if _RESERVED.match(stem) else stem or "photo"


def write(
    folder: Path,
    source: Source,
    explained: Explained,
    photo: Picture | None,
    style: Style = LIGHT,
    more: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[Path, ...]:
    """Write one photo's explanations.

    A new folder appears whole or not at all. One that is there already is only renewed when it
    holds explanations of the very same picture; other files in it stay.

    Args:
        folder: ``out / Folders.name(source)``.
        source: where the photo comes from.
        explained: its prediction and explanations.
        photo: upright and uncropped, to lay heat on.
        style: of the pictures.
        more: other files by their names, such as the case file and a fuller record.

    Returns:
        The files, in the order of the explanations, ``explanation.json`` last.

    Raises:
        OutputError: ``exists`` when the folder holds something else, ``no_space`` or
            ``read_only`` when it cannot be written.
    """
    old = _old_files(folder, explained.prediction.image.sha256)
    contents: dict[str, bytes] = {}
    for explanation in explained.explanations:
        contents[f"{explanation.method}.png"] = png(explanation, photo, style)
        contents[f"{explanation.method}.npy"] = npy(explanation)
    record = explanation_json(source, explained)
    contents[RECORD] = as_json(record)
    contents.update(more)
    if old is None:
        _write_new(folder, contents)
    else:
        for name, content in contents.items():
            write_atomically(folder / name, content)
        for name in old - contents.keys():  # of methods that were not asked for this time
            with output_errors(folder / name):
                (folder / name).unlink(missing_ok=True)
    return tuple(folder / name for name in contents)


def check_writable(folder: Path, sha256: str) -> None:
    """See, before anything is computed, that ``write`` will be let.

    Args:
        folder: where it will write.
        sha256: the picture's digest.

    Raises:
        OutputError: as ``write``.
    """
    place = folder.parent if _old_files(folder, sha256) is None else folder
    with output_errors(place):
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(prefix=".petvision-", dir=place):
            pass


def _write_new(folder: Path, contents: dict[str, bytes]) -> None:
    with output_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".petvision-", suffix=".part", dir=folder.parent))
    try:
        for name, content in contents.items():
            write_atomically(aside / name, content)
        with output_errors(folder):
            if folder.is_dir():  # empty, as _old_files saw; Windows does not rename onto it
                folder.rmdir()
            aside.chmod(0o755)  # mkdtemp makes it for its owner only
            aside.rename(folder)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _shown(path: Path) -> str:
    """A path fit to show: U+FFFD for what is no text."""
    return os.fsencode(path).decode(errors="replace")


def _old_files(folder: Path, sha256: str) -> set[str] | None:
    """The files an earlier run of the same picture wrote; None where there is nothing yet.

    Raises:
        OutputError: ``exists``.
    """
    with output_errors(folder):
        if not folder.exists() and not folder.is_symlink():
            return None
        if folder.is_dir() and not any(folder.iterdir()):
            return None
    try:
        record = json.loads((folder / RECORD).read_bytes())
        if record["prediction"]["image"]["sha256"] == sha256:
            names = {str(n) for panel in record["panels"] for n in panel["artefacts"].values()}
            ours = {name for name in names if re.fullmatch(r"\w+\.(png|npy)", name)}
            return ours | {"case.html"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # not a record of ours: something else lives here
    remedy = "Choose another --out folder, or move this one away."
    raise OutputError("exists", _shown(folder), remedy=remedy)


def as_json(record: Mapping[str, object]) -> bytes:
    """A record as the bytes of its file."""
    return json.dumps(record, indent=1).encode("ascii") + b"\n"


def explanation_json(source: Source, explained: Explained) -> dict[str, object]:
    """What ``explanation.json`` holds: enough to know what each file is and to make it again."""
    return {
        "format": FORMAT,
        "source": source.location or source.label,
        "target": explained.target,
        "unknown_threshold": explained.prediction.unknown_threshold,
        "prediction": prediction_json(source, explained.prediction),
        "panels": [panel_json(explanation) for explanation in explained.explanations],
        "errors": [
            {"method": f.method, "error": {"code": f.error.code, "message": str(f.error)}}
            for f in explained.failures
        ],
    }


def panel_json(explanation: Explanation) -> dict[str, object]:
    """What ``explanation.json`` holds of one panel."""
    method, provenance = explanation.method, explanation.provenance
    return {
        "method": method,
        "title": explanation.card.title,
        "parameters": dict(explanation.parameters),
        **_kind_json(explanation),
        "facts": [
            {"code": f.code, "value": f.value, "unit": f.unit, "words": f.words}
            for f in explanation.facts
        ],
        "remark": explanation.remark,
        "artefacts": {"png": f"{method}.png", "npy": f"{method}.npy"},
        "provenance": {
            "model": {"name": provenance.model.name, "sha256": provenance.model.sha256},
            "image_sha256": provenance.image_sha256,
            "engine": provenance.engine,
            "versions": dict(provenance.versions),
            "seed": provenance.seed,
        },
    }


def _kind_json(explanation: Explanation) -> dict[str, object]:
    """What only this kind of result has."""
    match explanation:
        case Attribution():
            return {
                "target": explanation.target,
                "signed": explanation.signed,
                "unit": explanation.unit,
                "geometry": _geometry_json(explanation.geometry),
            }
        case ChannelMaps():
            layers = [
                {"label": layer.label, "channels": list(layer.channels), "of": layer.total}
                for layer in explanation.layers
            ]
            return {"layers": layers, "geometry": _geometry_json(explanation.geometry)}
        case KernelSet():
            return {
                "layer": explanation.layer,
                "channels": list(explanation.channels),
                "of": explanation.total,
            }


def _geometry_json(geometry: Geometry) -> dict[str, object]:
    return {
        "width": geometry.width,
        "height": geometry.height,
        "box": list(geometry.box),
        "size": geometry.size,
    }


def npy(explanation: Explanation) -> bytes:
    """The numbers behind the picture as a ``.npy`` file, without pickling.

    A heat map is float32 h×w; filters are n×c×k×k. Feature maps are one record whose fields are
    the layers (``numpy.load(file)["layer1"]`` is k×h×w), because their sizes differ.
    """
    out = io.BytesIO()
    np.save(out, npy_values(explanation), allow_pickle=False)
    return out.getvalue()


def npy_values(explanation: Explanation) -> npt.NDArray[Any]:
    """The numbers that ``npy`` writes."""
    match explanation:
        case Attribution():
            values: npt.NDArray[Any] = explanation.heat
        case ChannelMaps():
            layers = explanation.layers
            fields = [(layer.label, np.float32, layer.maps.shape) for layer in layers]
            values = np.zeros((), np.dtype(fields))
            for layer in layers:
                values[layer.label] = layer.maps
        case KernelSet():
            values = explanation.weights
    return values
