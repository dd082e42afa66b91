"""Parquet: the CSV's columns with their types, for data frames (extra ``parquet``: pyarrow)."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from petvision.batch.outputs.base import Output, aside
from petvision.batch.outputs.table import cells, columns
from petvision.batch.rows import Reader
from petvision.errors import ConfigError
from petvision.events import Event, Progress, Result

GROUP = 5000  # rows a group
_KINDS = {"unknown": "bool", "width": "int32", "height": "int32", "truth_made": "string"}


def write(reader: Reader, path: Path) -> Iterator[Event[Path]]:
    """Write ``predictions.parquet``.

    Raises:
        ConfigError: when pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        remedy = "Install it with: pip install petvision[parquet]"
        raise ConfigError("key", "parquet", key="pyarrow here", remedy=remedy)
    import pyarrow as pa
    from pyarrow import parquet

    classes = reader.identity.classes
    names = columns(classes)
    schema = pa.schema([(name, _kind(name)) for name in names])
    rows, total, done = reader.rows(), reader.summary().items, 0
    with aside(path) as part, parquet.ParquetWriter(part, schema) as file:
        while group := [cells(row, classes) for row in islice(rows, GROUP)]:
            arrays = [
                pa.array(column, field.type)
                for column, field in zip(zip(*group, strict=True), schema, strict=True)
            ]
            file.write_table(pa.Table.from_arrays(arrays, schema=schema))
            done += len(group)
            yield Progress(done, total, path.name)
    yield Result(path)


def _kind(name: str) -> str:
    if name == "confidence" or name.startswith("score_") or name == "unknown_score":
        return "float64"
    return _KINDS.get(name, "string")


PARQUET = Output("parquet", "predictions.parquet", write)
