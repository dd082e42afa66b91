"""How fast training goes, beside a plain torchvision script, and whether decoding holds it up.

    python -m tests.benchmarks.training --data pets:DIR [--model resnet18] [--json FILE]

Both sides in one process and in turns, with the same photos, size, batch, optimiser and threads.
"Plain" is what a user would write: torchvision's network, its transforms with Pillow, a loop over
batches; once as it comes (float32) and once with bfloat16 autocast where the processor has it.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from petvision.evaluate.datasets import Labelled, labelled_photos, parse_spec
from petvision.models.engines.torch_engine import has_bf16
from petvision.models.torchvision_door import torchvision
from tests.benchmarks.measure import Row, interleaved, report
from training.config import Config
from training.course import Course, Run
from training.data import Split
from training.loader import Batch, Loader
from training.loop import loss_of
from training.network import start
from training.settings import fingerprint, parse_config

LOADER = 0.5  # the loader's time a photo may be this share of what the network needs for one


def main(arguments: Sequence[str] | None = None) -> list[Row]:
    options = _options(arguments)
    torch.set_num_threads(options.threads)
    photos = labelled_photos(parse_spec(options.data, "trainval"))
    chosen = random.Random(0).sample(photos, min(options.photos, len(photos)))
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            loading(chosen, options, Path(folder)),
            *stepping(chosen, options, Path(folder)),
        ]
    print(report("training", rows, options.json))
    return rows


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--consumer", default="resnet101", help="the network the loader must feed")
    parser.add_argument("--size", type=int, default=176)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--photos", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    return parser.parse_args(arguments)


def config_of(options: argparse.Namespace, folder: Path, model: str, size: int) -> Config:
    tree = {
        "data": {"root": "photos", "image_size": size, "resize": size + size // 28},
        "model": {"architecture": model},
        "optimizer": {"lr": 1e-4},
        "training": {
            "batch_size": options.batch,
            "ema": 0.0,
            "class_weights": "none",
            "clip_norm": 0,
            "freeze_statistics": False,
        },
        "unknown": {"negatives": []},
        "out": str(folder),
    }
    return parse_config(tree, "benchmark")


def split_of(photos: Sequence[Labelled]) -> Split:
    classes = tuple(sorted({p.label for p in photos}))
    return Split(classes, tuple(photos), tuple(photos[:2]), ())


def run_of(photos: Sequence[Labelled], config: Config, folder: Path) -> Run:
    split = split_of(photos)
    net, _ = start(config.model, split.classes)
    run = Run(config, split, net, torch.device("cpu"), folder, fingerprint(config))
    net.to(memory_format=run.memory_format)  # type: ignore[call-overload]
    return run


def loading(photos: Sequence[Labelled], options: argparse.Namespace, folder: Path) -> Row:
    """The loader alone, beside a training step of the largest network it has to feed."""
    size = 224 if options.consumer == "resnet101" else options.size
    config = config_of(options, folder, options.consumer, size)
    run = run_of(photos, config, folder)
    course = Course(run, 1)
    loader: Loader = run.loader("train", training=True)
    batches = _endless(loader)
    batch = next(batches)
    rng = np.random.default_rng(0)

    def feed() -> None:
        for _ in islice(loader.epoch(1), len(loader)):
            pass

    def consume() -> None:
        course.step(lambda: loss_of(run, None, None, course.forward, batch, rng, None))

    times = interleaved({"feed": feed, "consume": consume}, max(2, options.rounds // 2))
    ours = times["feed"] / (len(loader) * options.batch)
    theirs = times["consume"] / options.batch
    note = f"loader {1000 / ours:.0f} photos/s, a training step takes {1000 / theirs:.1f} photos/s"
    return Row(f"loader, ms a photo ({options.consumer}, {size} px)", theirs, ours, LOADER, note)


def stepping(
    photos: Sequence[Labelled], options: argparse.Namespace, folder: Path
) -> Iterator[Row]:
    """A step from files to moved weights, beside the plain script's."""
    config = config_of(options, folder, options.model, options.size)
    run = run_of(photos, config, folder)
    course = Course(run, 1)
    batches = _endless(run.loader("train", training=True))
    rng = np.random.default_rng(0)

    def ours() -> None:
        batch = next(batches)
        course.step(lambda: loss_of(run, None, None, course.forward, batch, rng, None))

    kinds = {"float32": False} | ({"bfloat16": True} if has_bf16(run.device) else {})
    sides = {name: plain_step(photos, options, half) for name, half in kinds.items()}
    times = interleaved({"ours": ours, **sides}, options.rounds)
    for name in kinds:
        what = f"{options.model} {options.size} px, batch {options.batch}, plain {name}"
        pace = 1000 * options.batch / times["ours"]
        yield Row(what, times[name], times["ours"], 1.0, f"ours {pace:.1f} photos/s")


def plain_step(
    photos: Sequence[Labelled], options: argparse.Namespace, half: bool
) -> Callable[[], None]:
    """One step of the script a user would write with torchvision."""
    torchvision()
    from torchvision import models
    from torchvision.transforms import v2

    classes = sorted({p.label for p in photos})
    network: nn.Module = models.get_model(options.model, weights=None, num_classes=len(classes))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    transform = v2.Compose(
        [
            v2.RandomResizedCrop(options.size, scale=(0.35, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(0.3, 0.3, 0.3),
            v2.RandomGrayscale(0.1),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            v2.RandomErasing(0.25),
        ]
    )
    order = random.Random(1)

    def step() -> None:
        batch = order.sample(list(photos), options.batch)
        pictures: list[Tensor] = []
        for photo in batch:
            with Image.open(photo.path) as image:
                pictures.append(transform(image.convert("RGB")))
        labels = torch.tensor([classes.index(p.label) for p in batch])
        network.train()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = nn.functional.cross_entropy(network(torch.stack(pictures)).float(), labels)
        loss.backward()
        optimizer.step()

    return step


def _endless(loader: Loader) -> Iterator[Batch]:
    epoch = 0
    while True:
        yield from loader.epoch(epoch)
        epoch += 1


if __name__ == "__main__":
    main()
