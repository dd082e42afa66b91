"""How fast a photo becomes a verdict, beside torchvision as a user would write it.

    python -m tests.benchmarks.prediction --data pets:DIR [--model NAME] [--labels] [--json FILE]

Two threads, both sides in one process and in turns. "Plain" is torchvision's own network with the
same weights: eager, float32, BatchNorm and all, with torchvision's transforms and Pillow.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from petvision.evaluate.datasets import Labelled, labelled_photos, parse_spec
from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared
from petvision.images.types import Floats, InputSpec, Source
from petvision.models.engine import available, for_many, with_fast_engine
from petvision.models.files import read_model
from petvision.models.handle import ModelHandle, load
from petvision.models.predict import predict
from petvision.models.resnet import SHAPES
from petvision.models.results import Prediction
from petvision.models.stream import answers
from petvision.models.torchvision_door import torchvision
from petvision.models.zoo import find
from tests.benchmarks.measure import Row, interleaved, report, table

BATCH = 16
TARGETS = {  # one photo, compute only: the most of plain's time
    "torch-fp32": 0.95,
    "openvino-fp32": 0.85,
    "ncnn-fp32": 0.85,
    "openvino-bf16": 0.40,
    "torch-bf16": None,
}
BULK = {True: 1 / 3, False: 1 / 1.8}  # with and without bfloat16


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    path = find(options.model)
    handle, plain = load(read_model(path), "cpu"), plain_network(path)
    photos = labelled_photos(parse_spec(options.data))
    chosen = random.Random(0).sample(photos, min(options.photos, len(photos)))
    fast = {name: with_fast_engine(handle, name) for name in available(handle)}
    auto = with_fast_engine(handle, "auto")
    rows: list[Row] = []

    def done(*measured: Row) -> None:
        rows.extend(measured)
        print(table(measured), file=sys.stderr, flush=True)

    done(*one_photo(fast, plain, chosen, options.rounds))
    with tempfile.TemporaryDirectory() as folder:
        mixed = mixed_set(chosen, Path(folder))
        done(*bulk(fast, plain, mixed, auto.engine.name, max(1, options.rounds // 5)))
        done(decoding(auto, chosen))
        done(drop(auto, Path(folder), options.rounds))
    if options.labels:
        done(labels(handle, auto, photos))
    print(report(f"prediction with {handle.card.name}", rows, options.json))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="labelled photos, such as pets:DIR")
    parser.add_argument("--model", default="catdog-resnet101", help="a name or a file")
    parser.add_argument("--photos", type=int, default=64, help="in the bulk set")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--labels", action="store_true", help="compare the verdicts on all photos")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser.parse_args(arguments)


# --- the plain side -----------------------------------------------------------------------------


def plain_network(path: Path) -> nn.Module:
    """torchvision's own residual network with the file's weights, not folded."""
    stored = read_model(path)
    card = stored.card
    resnet = torchvision().models.resnet
    block, blocks = SHAPES[card.architecture]
    network = resnet.ResNet(
        resnet.Bottleneck if block.expansion == 4 else resnet.BasicBlock,
        list(card.blocks_per_stage or blocks),
        num_classes=len(card.classes),
    )
    names = stored.names("net.")
    tensors = {n.removeprefix("net."): torch.from_numpy(stored.tensor(n)) for n in names}
    network.load_state_dict(tensors, strict=False)
    return network.eval()


def plain_transform(spec: InputSpec) -> Callable[[Image.Image], Tensor]:
    torchvision()
    from torchvision import transforms

    return transforms.Compose(
        [
            transforms.Resize(spec.resize),
            transforms.CenterCrop(spec.size),
            transforms.ToTensor(),
            transforms.Normalize(spec.mean, spec.std),
        ]
    )


@torch.no_grad()
def plain_bulk(network: nn.Module, spec: InputSpec, paths: Sequence[Path]) -> Floats:
    transform = plain_transform(spec)
    logits = []
    for start in range(0, len(paths), BATCH):
        pictures = [Image.open(p).convert("RGB") for p in paths[start : start + BATCH]]
        logits.append(network(torch.stack([transform(p) for p in pictures])))
    return torch.cat(logits).numpy()


# --- the rows -----------------------------------------------------------------------------------


def one_photo(
    fast: dict[str, ModelHandle], plain: nn.Module, photos: Sequence[Labelled], rounds: int
) -> list[Row]:
    """Compute only, batch 1; the distance is over all chosen photos."""
    spec = next(iter(fast.values())).spec
    batch = np.concatenate([open_prepared(_source(p), spec).pixels for p in photos])
    one = batch[:1]
    picture = torch.from_numpy(one)

    def plainly() -> None:
        with torch.no_grad():
            plain(picture)

    sides: dict[str, Callable[[], object]] = {"plain": plainly}
    sides |= {name: lambda h=handle: h.logits(one) for name, handle in fast.items()}
    times = interleaved(sides, rounds)
    with torch.no_grad():
        right = np.concatenate([plain(torch.from_numpy(x[None])).numpy() for x in batch])
    rows = []
    for name, handle in fast.items():
        off = np.abs(np.concatenate([handle.logits(x[None]) for x in batch]) - right).max(axis=1)
        middle, worst = (100 * float(f(off)) / float(np.ptp(right)) for f in (np.median, np.max))
        note = f"logits off by {middle:.2g} % of their range (median), {worst:.2g} % (worst)"
        rows.append(Row(f"one photo, {name}", times["plain"], times[name], TARGETS[name], note))
    return rows


def mixed_set(photos: Sequence[Labelled], folder: Path) -> list[Path]:
    """Half of the photos as they are, half enlarged to 2 to 12 megapixels, JPEG 90."""
    draw = random.Random(0)
    paths = []
    for index, photo in enumerate(photos):
        path = photo.path
        if index % 2:
            path = enlarged(photo.path, draw.uniform(2e6, 12e6), folder / f"{index}.jpg")
        paths.append(path)
    return paths


def enlarged(path: Path, pixels: float, target: Path) -> Path:
    picture = Image.open(path).convert("RGB")
    factor = (pixels / (picture.width * picture.height)) ** 0.5
    size = round(picture.width * factor), round(picture.height * factor)
    picture.resize(size, Image.Resampling.BICUBIC).save(target, quality=90)
    return target


def bulk(
    fast: dict[str, ModelHandle], plain: nn.Module, paths: Sequence[Path], auto: str, rounds: int
) -> list[Row]:
    """Read, decode, prepare and compute the mixed set; milliseconds a photo."""
    spec = fast[auto].spec
    sources = [source_of(str(path)) for path in paths]
    names = dict.fromkeys(["torch-fp32", "openvino-fp32", "ncnn-fp32", auto])
    many = {name: for_many(fast[name]) for name in names if name in fast}
    sides: dict[str, Callable[[], object]] = {"plain": lambda: plain_bulk(plain, spec, paths)}
    sides |= {
        name: lambda h=handle: list(answers(h, sources, batch=BATCH))
        for name, handle in many.items()
    }
    times = {name: ms / len(paths) for name, ms in interleaved(sides, rounds).items()}
    exact = min((name for name in many if name.endswith("fp32")), key=lambda name: times[name])
    return [
        Row(
            f"bulk, {name}",
            times["plain"],
            times[name],
            BULK[name.endswith("bf16")] if name == exact or name.endswith("bf16") else None,
            f"{times['plain'] / times[name]:.2f}× plain, {1000 / times[name]:.1f} photos/s",
        )
        for name in sides
        if name != "plain"
    ]


def decoding(handle: ModelHandle, photos: Sequence[Labelled]) -> Row:
    """Read, decode and prepare against compute, a photo, in bulk: decode must not be the slower."""
    found = [a.prediction.ms for a in answers(handle, map(_source, photos)) if a.prediction]
    before = float(np.median([ms.read + ms.decode + ms.prepare for ms in found]))
    compute = float(np.median([ms.compute for ms in found]))
    note = "plain: compute; ours: read, decode and prepare (photos as they are)"
    return Row("decode beside compute", compute, before, 1.0, note)


def drop(handle: ModelHandle, folder: Path, rounds: int) -> Row:
    """A 12-megapixel JPEG from the disk to its verdict, warm."""
    big = folder / "drop.jpg"
    Image.effect_noise((400, 300), 64).convert("RGB").resize((4000, 3000)).save(big, quality=90)

    def dropped() -> None:
        predict(handle, [open_prepared(source_of(str(big)), handle.spec)])

    times = interleaved({"ours": dropped}, rounds)
    return Row(f"drop to verdict, 12 MP, {handle.engine.name}", None, times["ours"], 250.0)


def labels(handle: ModelHandle, fast: ModelHandle, photos: Sequence[Labelled]) -> Row:
    """The verdicts of all photos, fast and on the reference: they must be the same."""
    sources = [_source(photo) for photo in photos]
    right = [a.prediction for a in answers(handle, sources)]
    found = [a.prediction for a in answers(fast, sources)]
    pairs = [(r, f) for r, f in zip(right, found, strict=True) if r is not None and f is not None]
    differ = sum((r.label, r.best_class) != (f.label, f.best_class) for r, f in pairs)
    again = sum(f.rechecked for _, f in pairs) / len(pairs)
    accuracies = [accuracy(side, photos) for side in (right, found)]
    note = (
        f"verdicts that differ of {len(pairs):,}; {again:.2%} computed again; accuracy "
        f"{accuracies[0]:.4f} on the reference, {accuracies[1]:.4f} with {fast.engine.name}"
    )
    return Row("verdicts that differ (a count)", None, float(differ), 0.0, note)


def accuracy(predictions: Sequence[Prediction | None], photos: Sequence[Labelled]) -> float:
    pairs = zip(predictions, photos, strict=True)
    return sum(p is not None and p.best_class == photo.label for p, photo in pairs) / len(photos)


def _source(photo: Labelled) -> Source:
    return source_of(str(photo.path))


if __name__ == "__main__":
    main()
