"""Does an ImageNet model of the zoo see rightly? What it calls photos whose class is known.

    python -m tests.benchmarks.imagenet --others DIR --pets DIR [--model NAME] [--bare]

Of ``others/`` the photos count whose names carry an ImageNet class (``…_n02123045_tabby.jpg``); of
``pets/`` every photo of the test split, right when the model gives the more to the domestic cats or
the dogs among its classes. ``--bare`` feeds the model ImageNet's usual preprocessing instead of its
own: what getting that wrong would cost.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from petvision.evaluate.datasets import labelled_photos, parse_spec
from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared
from petvision.images.types import Floats, InputSpec
from petvision.models.handle import ModelHandle, open_model
from petvision.models.unknown import CATS, DOGS

BATCH = 16


def named(folder: Path, classes: Sequence[str]) -> Iterator[tuple[Path, int]]:
    """Photos whose file name carries a class, and which."""
    numbers = {name.casefold(): index for index, name in enumerate(classes)}
    for path in sorted(folder.rglob("*.jpg")):
        found = re.search(r"n\d{8}_(.+)", path.stem)
        if found and (name := found[1].replace("_", " ").casefold()) in numbers:
            yield path, numbers[name]


def logits(handle: ModelHandle, paths: Sequence[Path], spec: InputSpec) -> Floats:
    """Of every photo."""
    rows = []
    for first in range(0, len(paths), BATCH):
        sources = [source_of(str(path)) for path in paths[first : first + BATCH]]
        batch = np.concatenate([open_prepared(source, spec).pixels for source in sources])
        rows.append(handle.logits(batch))
    return np.concatenate(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--others", required=True, type=Path)
    parser.add_argument("--pets", required=True, type=Path)
    parser.add_argument("--model", default="imagenet-efficientnet-lite0", help="a name or a file")
    parser.add_argument("--bare", action="store_true")
    options = parser.parse_args(arguments)
    handle = open_model(options.model)
    spec = InputSpec() if options.bare else handle.spec
    photos = list(named(options.others, handle.card.classes))
    found = logits(handle, [path for path, _ in photos], spec).argsort(1)[:, ::-1]
    truths = np.array([index for _, index in photos])[:, None]
    first, five = ((found[:, :k] == truths).any(1).mean() for k in (1, 5))
    print(f"{len(photos)} photos that carry their class: {first:.3f} first, {five:.3f} in five")
    pets = labelled_photos(parse_spec(f"pets:{options.pets}"))
    told = logits(handle, [photo.path for photo in pets], spec)
    shares = np.exp(told - told.max(1, keepdims=True))
    cats = shares[:, list(CATS)].sum(1) > shares[:, list(DOGS)].sum(1)
    right = (cats == np.array([photo.label == "cat" for photo in pets])).mean()
    print(f"{len(pets)} pets of the test split: {right:.4f} of the right kind")


if __name__ == "__main__":
    main()
