"""Broken and hostile model files: ``python -m tests.fuzz.models --cases 500``.

Refused in one sentence or opened, within 5 s and 1 GB; nothing in them is ever executed.
"""

from __future__ import annotations

import argparse
import io
import json
import pickle
import random
import struct
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.harness import Report, drive, mutated

Case = tuple[str, bytes]


class Payload:
    """A pickle that leaves a mark where it is executed."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path(self.mark),)


def seeds(folder: Path) -> dict[str, Case]:
    """Sound model files, as small as they come: suffix and content by name."""
    import torch

    from petvision.models import architectures
    from petvision.models.cards import Card, InputCard, UnknownCard
    from petvision.models.files import write_model

    blocks = (1, 1, 1, 1)
    network = architectures.build("resnet18", 2, blocks)
    card = Card(
        name="tiny",
        architecture="resnet18",
        blocks_per_stage=blocks,
        classes=("cat", "dog"),
        input=InputCard(size=32, resize=32),
        unknown=UnknownCard(score="max_softmax", threshold=0.4),
    )
    made: dict[str, Case] = {}
    for storage in ("fp32", "fp16", "int8"):
        path = folder / f"{storage}.safetensors"
        write_model(path, card, network.state_dict(), storage=storage)  # type: ignore[arg-type]
        made[storage] = (".safetensors", path.read_bytes())
    out = io.BytesIO()
    torch.save(network.state_dict(), out)
    made["pth"] = (".pth", out.getvalue())
    return made


def hostile(sound: bytes, mark: Path) -> dict[str, Case]:
    """Files made to do harm."""
    length = struct.unpack("<Q", sound[:8])[0]
    header, body = json.loads(sound[8 : 8 + length]), sound[8 + length :]
    first = next(name for name in header if name != "__metadata__")

    def rebuilt(changed: dict[str, Any], content: bytes = body) -> bytes:
        text = json.dumps(changed).encode()
        return struct.pack("<Q", len(text)) + text + content

    def entry(**changes: Any) -> bytes:
        return rebuilt({**header, first: {**header[first], **changes}})

    import torch

    state = io.BytesIO()
    torch.save({"fc.weight": torch.zeros(2, 2), "payload": Payload(mark)}, state)
    legacy = io.BytesIO()
    torch.save(Payload(mark), legacy, _use_new_zipfile_serialization=False)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Payload(mark)))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/data/0", bytes(300_000_000))
    nan = np.frombuffer(body, np.float32).copy()
    nan[5] = np.nan
    infinite = nan.copy()
    infinite[5] = np.inf
    end = header[first]["data_offsets"][1]
    text = sound[8 : 8 + length]
    tensors = {
        "huge header": struct.pack("<Q", 1 << 62) + sound[8:],
        "header beyond the end": struct.pack("<Q", len(sound)) + sound[8:],
        "no header": struct.pack("<Q", 0),
        "deep header": struct.pack("<Q", 200_000) + b"[" * 200_000,
        "not JSON": struct.pack("<Q", length) + b"\xff" * length + body,
        "a list": struct.pack("<Q", 2) + b"[]",
        "truncated": sound[: len(sound) // 2],
        "only a length": sound[:8],
        "nothing": b"",
        "wrong shape": entry(shape=[3, 3]),
        "huge shape": entry(shape=[1 << 40, 1 << 40]),
        "negative shape": entry(shape=[-1, 64]),
        "shape of words": entry(shape=["a"]),
        "offsets beyond": entry(data_offsets=[0, 1 << 50]),
        "offsets backwards": entry(data_offsets=[end, 0]),
        "offsets overlap": entry(data_offsets=[0, end + 8]),
        "unknown type": entry(dtype="F7"),
        "another type": entry(dtype="I64"),
        "NaN weights": rebuilt(header, nan.tobytes()),
        "infinite weights": rebuilt(header, infinite.tobytes()),
        "no card": rebuilt({k: v for k, v in header.items() if k != "__metadata__"}),
        "card of words": rebuilt({**header, "__metadata__": {"petvision": "cat"}}),
        "tensor missing": rebuilt({k: v for k, v in header.items() if k != first}),
        "twice the key": struct.pack("<Q", 2 * length - 1) + text[:-1] + b"," + text[1:] + body,
    }
    card = json.loads(header["__metadata__"]["petvision"])
    for name, changes in {
        "card with a path": {"name": "../../evil"},
        "card of a later format": {"format": 99},
        "card of many blocks": {"blocks_per_stage": [10**6, 1, 1, 1]},
        "card of many classes": {"classes": ["a"] * 10**5},
        "card of a huge input": {"input": {"size": 10**6, "resize": 10**6}},
        "card without temperature": {"temperature": 0.0},
    }.items():
        told = json.dumps({**card, **changes})
        tensors[name] = rebuilt({**header, "__metadata__": {"petvision": told}})
    made = {name: (".safetensors", content) for name, content in tensors.items()}
    for name, content in {
        "pickle in a state dict": state.getvalue(),
        "legacy pickle": legacy.getvalue(),
        "bare pickle": pickle.dumps(Payload(mark)),
        "zip bomb": bomb.getvalue(),
    }.items():
        made[name] = (".pth", content)
        made[f"{name} as safetensors"] = (".safetensors", content)
    return made


def act(case: Case) -> None:
    """Open a model file as the window does, and ask it."""
    from petvision.models.handle import open_model

    suffix, content = case
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{suffix}"
        path.write_bytes(content)
        handle = open_model(path)
        size = handle.spec.size
        handle.logits(np.zeros((1, 3, size, size), np.float32))


def cases(count: int, seed: int, folder: Path, mark: Path) -> Iterator[tuple[str, Case]]:
    """The hostile ones, then mutated sound ones."""
    sound = seeds(folder)
    yield from sound.items()
    yield from hostile(sound["fp32"][1], mark).items()
    rng = random.Random(seed)
    contents = [content for _, content in sound.values()]
    for number in range(count):
        name = rng.choice(list(sound))
        suffix, content = sound[name]
        yield f"{name}, case {number} of seed {seed}", (suffix, mutated(content, contents, rng))


def run(count: int, seed: int = 0) -> Report:
    """Open so many mutated model files, and all hostile ones."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        mark = folder / "executed"
        report = drive(act, cases(count, seed, folder, mark), seconds=20)
        if mark.exists():
            report.broken.append("a payload was executed")
        return report


def main() -> int:
    """Tell what was found; 1 when something broke the rules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    report = run(options.cases, options.seed)
    print(report)
    print(*report.broken, sep="\n")
    return bool(report.broken)


if __name__ == "__main__":
    sys.exit(main())
