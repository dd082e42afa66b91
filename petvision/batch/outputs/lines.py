"""JSON lines: what ``petvision predict --json`` says of each photo, and its truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from petvision.batch.outputs.base import Output, aside, final, when
from petvision.batch.outputs.table import EVERY
from petvision.batch.rows import Reader, Row
from petvision.events import Event, Progress, Result


def as_json(reader: Reader, row: Row) -> dict[str, object]:
    """One photo; a name that is no text keeps its bytes (as escaped surrogates)."""
    said: dict[str, object] = {"source": row.location}
    if row.failed is not None:
        said["error"] = {"code": row.failed.code, "message": row.failed.message}
    if (answer := row.answer) is not None:
        said |= {
            "label": answer.label,
            "confidence": answer.confidence,
            "scores": dict(answer.scores),
            "unknown": answer.unknown,
            "unknown_score": answer.unknown_score,
            "model": {"name": reader.identity.model, "sha256": reader.identity.model_sha256},
            "image": {
                "width": answer.width,
                "height": answer.height,
                "format": answer.format,
                "sha256": row.sha256,
                "notes": list(answer.notes),
            },
            "engine": answer.engine,
            "ms": {stage: round(ms, 3) for stage, ms in answer.ms.items()},
            "final": final(row),
        }
    if row.truth is not None:
        said["truth"] = {"label": row.truth, "by": row.truth_by, "made": when(row.truth_made)}
    return said


def write(reader: Reader, path: Path) -> Iterator[Event[Path]]:
    """Write ``predictions.jsonl``."""
    total = reader.summary().items
    with aside(path) as part, part.open("w", encoding="ascii", newline="\n") as file:
        for number, row in enumerate(reader.rows(), 1):
            file.write(json.dumps(as_json(reader, row)) + "\n")
            if number % EVERY == 0:
                yield Progress(number, total, path.name)
    yield Result(path)


JSONL = Output("jsonl", "predictions.jsonl", write)
