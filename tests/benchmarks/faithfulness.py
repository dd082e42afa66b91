"""Whether heat lies on the pet, moves the score, and depends on what was learned: a table.

    python -m tests.benchmarks.faithfulness --data DIR --out DIR [--methods ID,…] [--photos N]

``--data`` holds Oxford-IIIT Pet's ``images`` and ``trimaps``. The 200 photos are named in
``faithfulness_photos.txt``: drawn once, by seed, from the official test split. Each photo's figures
are written as soon as they are known, so a run that was stopped goes on where it was, with the
model, the engine and the parameters it began with. Every method
stands beside a centred blob and beside its own map of the network with shuffled weights; the
intervals are 95 % bootstraps over photos of the difference.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from petvision.events import result_of
from petvision.explain.base import Context
from petvision.explain.likeness import at_pixels, rank_correlation
from petvision.explain.registry import METHODS, parameters
from petvision.explain.results import Attribution
from petvision.explain.trust import insertion_and_deletion, interval, ranks
from petvision.explain.twins import shuffled
from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared
from petvision.images.types import Floats, Geometry
from petvision.models.engine import with_fast_engine
from petvision.models.handle import ModelHandle, open_model
from petvision.models.predict import predict

PHOTOS = Path(__file__).with_name("faithfulness_photos.txt")
ATTRIBUTIONS = tuple(name for name, method in METHODS.items() if method.kind is Attribution)
BLOB = 0.2  # standard deviation of the centred blob, in picture sides
BACKGROUND = 2  # in a trimap; 1 is the pet and 3 its border
FIGURES = ("energy", "pointing", "insertion", "deletion")


@dataclass(frozen=True)
class Line:
    """What one heat map of one photo is worth.

    ``method`` is a method's id, ``ID shuffled`` for its map of the shuffled network, ``blob`` or
    ``random``. ``energy`` is the share of the positive heat on the pet, ``pointing`` whether the
    hottest pixel is, ``insertion`` and ``deletion`` areas, ``likeness`` the rank correlation with
    the map of the unshuffled network. ``whole`` and ``bare`` are the scores of the photo and of
    what is left of it when all is blurred: no order can make the areas' difference larger than
    theirs without the score leaving their range.
    """

    photo: str
    method: str
    correct: bool
    energy: float
    pointing: float
    insertion: float
    deletion: float
    likeness: float | None = None
    whole: float | None = None
    bare: float | None = None


@dataclass(frozen=True)
class Asked:
    """One photo, its question, and where its pet is, bool S×S."""

    name: str
    context: Context
    correct: bool
    pet: NDArray[np.bool_]


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(options.threads)
    handle = with_fast_engine(open_model(options.model, device="cpu"), options.engine)
    options.out.mkdir(parents=True, exist_ok=True)
    same_as_before(options.out / "run.json", handle)
    kept = options.out / "photos.jsonl"
    done = {(line.photo, line.method): line for line in read(kept)}
    names = PHOTOS.read_text("utf-8").split()[: options.photos]
    methods = options.methods.split(",") if options.methods else list(ATTRIBUTIONS)
    twin = with_fast_engine(returned(shuffled(handle, 0)), handle.engine.name)
    with kept.open("a", encoding="utf-8") as file:
        for number, name in enumerate(names, start=1):
            wanted = [m for m in ("blob", "random", *methods) if (name, m) not in done]
            if not wanted:
                continue
            asked = ask(handle, options.data, name)
            for method in wanted:
                for line in lines(asked, method, twin):
                    done[line.photo, line.method] = line
                    file.write(json.dumps(asdict(line)) + "\n")
                file.flush()
            print(f"\r{number} of {len(names)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    shown = [line for line in done.values() if line.photo in names]
    summary = summed(shown, methods)
    (options.out / "faithfulness.json").write_text(json.dumps(summary, indent=1) + "\n", "utf-8")
    print(table(summary, handle.card.name, handle.engine.name))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, type=Path, help="with images/ and trimaps/")
    parser.add_argument("--out", required=True, type=Path, help="for the figures; goes on there")
    parser.add_argument("--model", default="catdog-resnet101", help="a name or a file")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--methods", help=f"some of {','.join(ATTRIBUTIONS)} (all)")
    parser.add_argument("--photos", type=int, default=200, help="the first so many of the list")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args(arguments)


def same_as_before(record: Path, handle: ModelHandle) -> None:
    """Figures of two models, engines or defaults must never stand in one table."""
    now = {
        "weights": handle.sha256,
        "engine": handle.engine.name,
        "parameters": {m: parameters(m, {}).model_dump(mode="json") for m in ATTRIBUTIONS},
    }
    if record.exists():
        begun = json.loads(record.read_text("utf-8"))
        if others := [key for key in now if begun.get(key) != now[key]]:
            sys.exit(f"{record.parent} holds figures of other {' and '.join(others)}: other --out")
    record.write_text(json.dumps(now, indent=1) + "\n", "utf-8")


T = TypeVar("T")


def returned(job: Generator[object, None, T]) -> T:
    """Drive a job to its end and give what it returns."""
    while True:
        try:
            next(job)
        except StopIteration as stop:
            return cast(T, stop.value)


def read(path: Path) -> Iterator[Line]:
    """What an earlier run found; a last line that was cut off is left out."""
    if not path.exists():
        return
    for text in path.read_text("utf-8").splitlines():
        try:
            yield Line(**json.loads(text))
        except ValueError:
            continue


def ask(handle: ModelHandle, data: Path, name: str) -> Asked:
    """Explain the predicted class; a name with a capital is a cat's (the data set's own rule)."""
    prepared = open_prepared(source_of(str(data / "images" / f"{name}.jpg")), handle.spec)
    (prediction,) = predict(handle, [prepared])
    target = prediction.best_class
    trimap = np.asarray(Image.open(data / "trimaps" / f"{name}.png"))
    return Asked(
        name=name,
        context=Context(handle, prepared, prediction, target),
        correct=target == ("cat" if name[0].isupper() else "dog"),
        pet=on_model_pixels(trimap != BACKGROUND, prepared.geometry),
    )


def on_model_pixels(mask: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.bool_]:
    """A mask of the upright original on the model's pixels, the nearest of each."""
    middles = np.arange(geometry.size) + 0.5
    columns = [int(geometry.to_original(x, 0)[0]) for x in middles]
    rows = [int(geometry.to_original(0, y)[1]) for y in middles]
    high, wide = mask.shape
    rows, columns = np.clip(rows, 0, high - 1), np.clip(columns, 0, wide - 1)
    return np.asarray(mask[np.ix_(rows, columns)])


def lines(asked: Asked, method: str, twin: ModelHandle) -> Iterator[Line]:
    size = asked.context.pixels.shape[-1]
    if method == "blob":
        yield measured(asked, method, centred_blob(size))
    elif method == "random":
        draw = np.random.default_rng(sum(asked.name.encode()))
        yield measured(asked, method, draw.random((size, size)).astype(np.float32))
    else:
        own = mapped(asked.context, method)
        other = mapped(Context(twin, asked.context.prepared, None, asked.context.target), method)
        yield measured(asked, method, own)
        likeness = rank_correlation(at_pixels(own, size), at_pixels(other, size))
        yield measured(asked, f"{method} shuffled", other, likeness)


def mapped(context: Context, name: str) -> Floats:
    method = METHODS[name]
    values = parameters(name, {})
    if context.prediction is None:  # the shuffled network: as the badge does it
        values = method.quicker(values)
    found = result_of(method.run(context, values))
    assert isinstance(found, Attribution)
    return found.heat


def centred_blob(size: int) -> Floats:
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    far = (rows**2 + columns**2) / (2 * (BLOB * size) ** 2)
    return np.exp(-far).astype(np.float32)


def measured(asked: Asked, method: str, heat: Floats, likeness: float | None = None) -> Line:
    size = asked.context.pixels.shape[-1]
    positive = np.maximum(at_pixels(heat, size), 0)
    total = float(positive.sum())
    hottest = np.unravel_index(int(positive.argmax()), positive.shape)
    order = ranks(at_pixels(heat, size), 0)
    curves = returned(insertion_and_deletion(asked.context, [order]))
    scores = curves[0, :, :, asked.context.index]
    areas = np.trapezoid(scores, np.linspace(0, 1, scores.shape[1]), axis=1)
    return Line(
        photo=asked.name,
        method=method,
        correct=asked.correct,
        energy=float(positive[asked.pet].sum()) / total if total else 0.0,
        pointing=float(asked.pet[hottest]) if total else 0.0,
        insertion=float(areas[0]),
        deletion=float(areas[1]),
        likeness=likeness,
        whole=float(scores[0, -1]),
        bare=float(scores[0, 0]),
    )


Summary = dict[str, dict[str, object]]


def summed(found: Sequence[Line], methods: Sequence[str]) -> Summary:
    """Means over photos, and for each method what it has over the blob and its shuffled twin."""
    by_method: dict[str, dict[str, Line]] = {}
    for line in found:
        by_method.setdefault(line.method, {})[line.photo] = line
    summary: Summary = {}
    for name, own in by_method.items():
        values = {figure: [getattr(x, figure) for x in own.values()] for figure in FIGURES}
        right = [x for x in own.values() if x.correct]
        entry: dict[str, object] = {"photos": len(own)}
        entry |= {figure: float(np.mean(numbers)) for figure, numbers in values.items()}
        entry["insertion_minus_deletion_when_right"] = mean_area(right) if right else None
        entry["of_what_there_is_when_right"] = share_of_what_there_is(right)
        alike = [x.likeness for x in own.values() if x.likeness is not None]
        if alike:
            entry["likeness"] = float(np.mean(alike))
        if name in methods:
            for other in ("blob", f"{name} shuffled"):
                entry[f"over {other.split()[-1]}"] = over(own, by_method.get(other, {}))
        summary[name] = entry
    return summary


def mean_area(found: Sequence[Line]) -> float:
    return float(np.mean([line.insertion - line.deletion for line in found]))


def share_of_what_there_is(found: Sequence[Line]) -> float | None:
    """The areas' difference by that of the whole photo's score and the blurred one's, of means.

    With two classes a photo that shows nothing still scores near one half; so, of 1, only the other
    half is there to be won.
    """
    ends = [line.whole - line.bare for line in found if None not in (line.whole, line.bare)]
    return mean_area(found) / float(np.mean(ends)) if ends and len(ends) == len(found) else None


def over(own: dict[str, Line], other: dict[str, Line]) -> dict[str, list[float]]:
    """Mean difference and its 95 % interval over the photos that both have."""
    both = [name for name in own if name in other]
    differences: dict[str, list[float]] = {}
    if not both:
        return differences
    for figure in ("energy", "pointing", "insertion_minus_deletion"):
        values = np.array([value(own[n], figure) - value(other[n], figure) for n in both])
        differences[figure] = [float(values.mean()), *interval(values, 0)]
    return differences


def value(line: Line, figure: str) -> float:
    if figure == "insertion_minus_deletion":
        return line.insertion - line.deletion
    return float(getattr(line, figure))


def table(summary: Summary, model: str, engine: str) -> str:
    width = max(len(name) for name in summary)
    rows = [
        f"faithfulness of {model} on {engine}",
        f"{'':{width}}  photos  energy  point  insert  delete  ins−del(right)  of what there is  "
        "like shuffled",
    ]
    for name, entry in summary.items():
        figures = [f"{entry[f]:.3f}" for f in FIGURES]
        right = entry["insertion_minus_deletion_when_right"]
        share, alike = entry["of_what_there_is_when_right"], entry.get("likeness")
        rows.append(
            f"{name:{width}}  {entry['photos']:6}  "
            + "  ".join(f"{f:>6}" for f in figures)
            + f"  {'' if right is None else f'{right:.3f}':>14}"
            + f"  {'' if share is None else f'{share:.3f}':>16}"
            + f"  {'' if alike is None else f'{alike:.3f}':>13}"
        )
        for other in ("blob", "shuffled"):
            for figure, (mean, low, high) in dict(entry.get(f"over {other}") or {}).items():
                rows.append(
                    f"{'':{width}}    {figure} over {other}: {mean:+.3f} [{low:+.3f}, {high:+.3f}]"
                )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
