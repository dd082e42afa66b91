"""Do the first six filters look at the cat? The worked example on 100 photos with outlines.

    python -m tests.benchmarks.neurons --data DIR [--model NAME] [--json FILE]

The photos are the ones that ``cats-with-trimaps.txt`` names, drawn at random (seed 14) from the
test split; the setting "focus" was chosen on photos of the trainval split. A filter's peak is on
background when its exact receptive field holds no pet and no border pixel of the trimap.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared
from petvision.images.types import Geometry
from petvision.models.handle import ModelHandle, open_model
from petvision.models.predict import predict
from petvision.neurons.effect import evidence, focus
from petvision.neurons.layers import Anatomy, activations, anatomy_of
from petvision.neurons.rank import rank
from petvision.neurons.receptive_field import field_box
from petvision.neurons.results import Choice, Maps

LAYER = "layer2.0.conv1"
TOP = 6
BACKGROUND = 2
SETTINGS = {
    "default (balanced, 0.5 / 0.15)": Choice(),
    "more selective (balanced, 0.3 / 0.3)": Choice("balanced", 0.3, 0.3),
    "on the animal (focus, 0.5 / 0.15)": Choice("focus"),
    "mean": Choice("mean"),
}
Mask = npt.NDArray[np.bool_]


def on_background(maps: Maps, anatomy: Anatomy, index: int, animal: Mask) -> bool:
    """Whether a filter's peak sees nothing of the animal (``animal``: a photo-sized mask)."""
    one = maps.maps[index]
    row, column = divmod(int(one.argmax()), one.shape[1])
    left, top, right, bottom = field_box(
        anatomy.graph, anatomy.taps[maps.layer.name].module, (row, column), maps.geometry
    )
    rows = slice(max(0, int(np.floor(top))), int(np.ceil(bottom)))
    columns = slice(max(0, int(np.floor(left))), int(np.ceil(right)))
    return not animal[rows, columns].any()


def inside(maps: Maps, index: int, animal: Mask) -> float:
    """The share of a filter's activation that lies on the animal."""
    one = maps.maps[index].astype(np.float64)
    share = _on_grid(animal, maps.geometry, one.shape)
    return float((one * share).sum() / max(one.sum(), 1e-12))


def _on_grid(animal: Mask, geometry: Geometry, grid: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """How much of each cell's own square lies on the animal."""
    size = geometry.size
    left, top, right, bottom = geometry.box
    centres = (np.arange(size) + 0.5) / size
    rows = np.clip((top + centres * (bottom - top)).astype(int), 0, animal.shape[0] - 1)
    columns = np.clip((left + centres * (right - left)).astype(int), 0, animal.shape[1] - 1)
    seen = animal[np.ix_(rows, columns)].astype(np.float64)
    high, wide = (size // cells for cells in grid)
    return seen.reshape(grid[0], high, grid[1], wide).mean((1, 3))


def looked_at(
    handle: ModelHandle, names: Sequence[str], data: Path
) -> Iterator[dict[str, tuple[bool, float]]]:
    """For each photo and setting: are all six peaks off background, and the mean share inside."""
    anatomy = anatomy_of(handle)
    for name in names:
        prepared = open_prepared(source_of(str(data / "images" / f"{name}.jpg")), handle.spec)
        animal = np.asarray(Image.open(data / "trimaps" / f"{name}.png")) != BACKGROUND
        (prediction,) = predict(handle, [prepared])
        maps = activations(handle, anatomy, LAYER, prepared)
        found = focus(maps, evidence(handle, anatomy, prepared, prediction.best_class))
        told = {}
        for setting, choice in SETTINGS.items():
            top = [ranked.index for ranked in rank(maps.stats, choice, None, found)[:TOP]]
            clean = not any(on_background(maps, anatomy, index, animal) for index in top)
            told[setting] = clean, float(np.mean([inside(maps, index, animal) for index in top]))
        yield told


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, type=Path, help="the folder pets/")
    parser.add_argument("--model", default="imagenet-resnet18-ktb", help="a name or a file")
    parser.add_argument(
        "--names", type=Path, default=Path(__file__).with_name("cats-with-trimaps.txt")
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args(arguments)
    names = options.names.read_text().split()
    rows = list(looked_at(open_model(options.model), names, options.data))
    figures = {}
    for setting in SETTINGS:
        clean = float(np.mean([row[setting][0] for row in rows]))
        share = float(np.median([row[setting][1] for row in rows]))
        figures[setting] = {"no_peak_on_background": clean, "median_share_inside": share}
        print(f"{setting:40} no peak on background {clean:6.1%}   median share inside {share:6.1%}")
    if options.json:
        options.json.write_text(json.dumps({"photos": len(rows), **figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
