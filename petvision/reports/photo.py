"""One photo from its source to the folder of its explanations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from petvision.events import Event, Progress, Result
from petvision.explain.cache import Cache
from petvision.explain.results import Explained
from petvision.explain.run import explain
from petvision.images.door import decode_for_display, load
from petvision.images.prepare import prepare_encoded
from petvision.images.types import Source
from petvision.models.handle import ModelHandle
from petvision.models.predict import Unknown, look
from petvision.reports.case import pack
from petvision.reports.panels import check_writable, write


@dataclass(frozen=True, slots=True)
class Written:
    """A photo's verdict and explanations, and the files that hold them."""

    explained: Explained
    files: tuple[Path, ...]


def explain_to_folder(
    handle: ModelHandle,
    source: Source,
    folder: Path,
    *,
    methods: Sequence[str],
    target: str | None = None,
    parameters: Mapping[str, Mapping[str, object]] | None = None,
    unknown: Unknown = "auto",
    html: bool = False,
) -> Iterator[Event[Written]]:
    """Explain a photo and write ``METHOD.png``, ``METHOD.npy`` and ``explanation.json``.

    Args:
        handle: the model.
        source: the photo.
        folder: where to write, see ``panels.write``.
        methods: ids of the registry.
        target: the class to explain; the predicted one unless chosen.
        parameters: by method id, what differs from its defaults.
        unknown: see ``predict``.
        html: write the case file as well.

    Raises:
        InputError: when the photo cannot be had or read.
        ConfigError: when a method, parameter or class does not exist.
        OutputError: when the folder cannot be written or holds something else.
    """
    encoded = load(source)
    prepared = prepare_encoded(encoded, handle.spec)
    prediction, trunk = look(handle, prepared, unknown)
    job = explain(
        handle,
        prepared,
        methods=methods,
        target=target,
        parameters=parameters,
        prediction=prediction,
        trunk=trunk,
        cache=Cache(),
    )
    check_writable(folder, encoded.sha256)  # before minutes of computing
    for event in job:
        if isinstance(event, Progress):
            yield event
        elif isinstance(event, Result):
            shown = decode_for_display(encoded)
            more = pack(encoded, event.value, shown, handle.spec, html=html)
            files = write(folder, source, event.value, shown, more=more)
            yield Result(Written(event.value, files))
