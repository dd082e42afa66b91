"""``petvision train``: parse nothing, call the room, print."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from petvision.events import Partial, Progress, Result
from training.config import Config, load_config
from training.data import Split, split_of
from training.finish import Finished
from training.loop import Epoch
from training.run import run


def main(
    config: Path | None,
    settings: Sequence[str] = (),
    *,
    resume: bool = False,
    check: bool = False,
    schema: bool = False,
    as_json: bool = False,
    quiet: bool = False,
) -> int:
    """Train, or with ``check`` only look at the data, or with ``schema`` print the keys.

    Returns:
        0; errors are raised for the command line to print.

    Raises:
        PetVisionError: as the rooms say.
    """
    if schema:
        print(json.dumps(Config.model_json_schema(), indent=1))
        return 0
    assert config is not None  # argparse asks for it unless --schema was given
    resolved = load_config(config, settings)
    if check:
        resolved.out.mkdir(parents=True, exist_ok=True)
        _print_split(split_of(resolved, resolved.out / "data.json"), as_json)
        return 0
    for event in run(resolved, resume=resume):
        if as_json:
            print(json.dumps(_plain(event)), flush=True)
        elif not quiet or isinstance(event, Result):
            _tell(event)
    return 0


def _print_split(split: Split, as_json: bool) -> None:
    counts = {
        part: {c: sum(p.label == c for p in photos) for c in split.classes}
        for part, photos in (("train", split.train), ("validation", split.validation))
    }
    left_out = [{"file": name, "why": why} for name, why in split.left_out]
    if as_json:
        print(json.dumps({"digest": split.digest, "counts": counts, "left_out": left_out}))
        return
    for part, by_class in counts.items():
        print(f"{part}: " + ", ".join(f"{n} {c}" for c, n in by_class.items()))
    print(f"left out: {len(left_out)}")
    for name, why in split.left_out:
        print(f"  {name}: {why}")


def _plain(event: Progress | Partial[Epoch] | Result[Finished]) -> dict[str, object]:
    if isinstance(event, Progress):
        return {"event": "progress", **asdict(event)}
    if isinstance(event, Partial):
        return {"event": "epoch", **asdict(event.value)}
    metrics = {k: m.model_dump() for k, m in event.value.card.metrics.items()}
    return {"event": "finished", "model": str(event.value.path), "metrics": metrics}


def _tell(event: Progress | Partial[Epoch] | Result[Finished]) -> None:
    """People's words on stderr; only the result, data, goes to stdout."""
    if isinstance(event, Progress):
        end = "\r" if sys.stderr.isatty() else ""
        if end:
            total = f" of {event.total}" if event.total else ""
            print(f"\033[K{event.words}: {event.done}{total}", end=end, file=sys.stderr)
    elif isinstance(event, Partial):
        e = event.value
        print(
            f"epoch {e.number}: loss {e.loss:.4f}, validation loss {e.validation_loss:.4f}, "
            f"accuracy {e.validation_accuracy:.4f}, ROC-AUC {e.validation_auc:.5f}, "
            f"{e.images_per_second:.0f} photos/s",
            file=sys.stderr,
        )
    else:
        finished = event.value
        for part, m in finished.card.metrics.items():
            print(f"{part}: accuracy {m.accuracy:.4f}, ROC-AUC {m.roc_auc:.5f}, loss {m.loss:.4f}")
        print(finished.path)
