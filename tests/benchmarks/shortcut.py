"""Is a classifier unmasked that reads a stamp instead of looking at the animal?

    python -m tests.benchmarks.shortcut --data pets:DIR [--picture FILE] [--json FILE]

A copy of the classifier is trained on photos that carry a class's name in a corner (64×20 pixels
at 224); the label is the stamp's. Every photo comes with each class's, and once without, labelled
as much the one as the other: so the stamp is all there is to learn, for both classes, and no photo
can be learned by heart. Stem and first three stages stay frozen, the last stage and the linear
layer are trained. Grad-CAM and occlusion of stamped test photos must
then put at least half of their positive heat within 16 pixels of the stamp, and those of the
untouched classifier at most 0.15. The picture for the guide is made from the shipped sample photos
only.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from petvision.evaluate.datasets import Labelled, labelled_photos, parse_spec
from petvision.events import result_of
from petvision.explain.base import Context
from petvision.explain.likeness import at_pixels
from petvision.explain.registry import METHODS, parameters
from petvision.explain.results import Attribution
from petvision.figures.render import png
from petvision.images.door import decode_for_display, load
from petvision.images.inputs import source_of
from petvision.images.prepare import denormalise, normalise, open_prepared, prepare_encoded
from petvision.images.samples import samples
from petvision.images.types import Encoded, Floats, InputSpec, Prepared, Source
from petvision.models.engine import with_fast_engine
from petvision.models.handle import ModelHandle, linear_of, open_model
from petvision.models.predict import predict
from petvision.models.resnet import STAGES, ResNet

WIDE, HIGH = 64, 20  # of the stamp, in model pixels
LEFT, TOP = 4, 4
NEAR = 16
HALF, CLEAN = 0.5, 0.15
BATCH = 16
METHOD_IDS = ("gradcam", "occlusion")
FINER = "layer3"
"""A cell of the last layer is 32 pixels wide, half the stamp, and 3×3 convolutions carry what the
stamp says one cell further: Grad-CAM of this layer is shown beside it, not judged."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.manual_seed(0)
    clean = open_model(options.model, device="cpu")
    train = drawn(f"{options.data}@trainval", options.train)
    test = drawn(f"{options.data}@test", options.test)
    cheat = with_fast_engine(trained(clean, train, options.epochs), options.engine)
    honest = with_fast_engine(clean, options.engine)
    found = {
        "with the shortcut": shares(cheat, test),
        "clean": shares(honest, test),
    }
    print(f"share of the positive heat within {NEAR} pixels of the stamp, {len(test)} test photos")
    for name, line in found.items():
        told = ", ".join(f"{method} {share:.3f}" for method, share in line.items())
        print(f"  {name}: {told}")
    held = all(found["with the shortcut"][m] >= HALF for m in METHOD_IDS)
    held &= all(found["clean"][m] <= CLEAN for m in METHOD_IDS)
    print(f"  with the shortcut ≥ {HALF}, clean ≤ {CLEAN}: {'holds' if held else 'MISSED'}")
    if options.json:
        options.json.write_text(json.dumps(found | {"holds": held}, indent=1) + "\n", "utf-8")
    if options.picture:
        options.picture.write_bytes(pictured(honest, cheat))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="labelled photos, such as pets:DIR")
    parser.add_argument("--model", default="catdog-resnet101", help="a residual network")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--train", type=int, default=200, help="photos to learn the stamp from")
    parser.add_argument("--test", type=int, default=20, help="photos to explain")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--picture", type=Path, help="a PNG for the guide, of the sample photos")
    return parser.parse_args(arguments)


def drawn(spec: str, count: int) -> list[Labelled]:
    photos = labelled_photos(parse_spec(spec))
    return random.Random(0).sample(photos, min(count, len(photos)))


# --- the stamp ----------------------------------------------------------------------------------


def stamp(word: str, wide: int = WIDE, high: int = HIGH) -> Image.Image:
    """A class's name in black on white, as large as fits."""
    picture = Image.new("RGB", (wide, high), "white")
    font = ImageFont.load_default(0.75 * high)
    draw = ImageDraw.Draw(picture)
    draw.text((wide / 2, high / 2), word.upper(), "black", font=font, anchor="mm")
    return picture


def stamped(prepared: Prepared, word: str, handle: ModelHandle) -> Prepared:
    """What the network sees of a photo with a stamp on it."""
    square = Image.fromarray(denormalise(prepared.pixels, handle.spec))
    square.paste(stamp(word), (LEFT, TOP))
    return replace(prepared, pixels=normalise(np.asarray(square), handle.spec))


def stamped_photo(encoded: Encoded, word: str, spec: InputSpec) -> bytes:
    """A photo's file, a PNG, with a stamp where the network will see ``stamped``'s."""
    geometry = prepare_encoded(encoded, spec).geometry
    picture = Image.open(io.BytesIO(encoded.data)).convert("RGB")
    scale = (geometry.box[2] - geometry.box[0]) / geometry.size
    corner = tuple(round(v) for v in geometry.to_original(LEFT, TOP))
    picture.paste(stamp(word, round(WIDE * scale), round(HIGH * scale)), corner)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def share_on_stamp(heat: Floats, size: int) -> float:
    """The share of the positive heat that lies within ``NEAR`` pixels of the stamp."""
    positive = np.maximum(at_pixels(heat, size), 0)
    total = float(positive.sum())
    part = positive[
        max(0, TOP - NEAR) : TOP + HIGH + NEAR, max(0, LEFT - NEAR) : LEFT + WIDE + NEAR
    ]
    return float(part.sum()) / total if total else 0.0


# --- the copy that learns it --------------------------------------------------------------------


@dataclass(frozen=True)
class Lessons:
    """Frozen features of photos, and what their stamps say: probabilities N×classes."""

    features: Tensor
    labels: Tensor


def trained(clean: ModelHandle, photos: Sequence[Labelled], epochs: int) -> ModelHandle:
    """A copy whose last stage and linear layer learned to read the stamp."""
    twin = clean.twin()
    network = twin.network
    assert isinstance(network, ResNet)
    lessons = prepared_lessons(twin, network, photos)
    stage = network.get_submodule(STAGES[-1])
    tail = nn.Sequential(stage, network.avgpool, nn.Flatten(), network.fc)
    nn.init.zeros_(network.fc.weight)
    nn.init.zeros_(network.fc.bias)
    tail.requires_grad_(True)
    optimiser = torch.optim.AdamW(
        [
            {"params": stage.parameters(), "lr": 5e-5},
            {"params": network.fc.parameters(), "lr": 1e-3},
        ]
    )
    for epoch in range(epochs):
        order = torch.randperm(len(lessons.labels), generator=torch.Generator().manual_seed(epoch))
        losses, right = [], 0
        for part in order.split(BATCH):
            logits = tail(lessons.features[part].float())
            loss = nn.functional.cross_entropy(logits, lessons.labels[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
            said = lessons.labels[part].max(1)
            right += int(((logits.argmax(1) == said.indices) & (said.values == 1)).sum())
        read = right / int((lessons.labels.max(1).values == 1).sum())
        told = f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, stamps read {read:.3f}"
        print(told, file=sys.stderr, flush=True)
    tail.requires_grad_(False)
    digest = hashlib.sha256(network.fc.weight.detach().numpy().tobytes()).hexdigest()
    heads = replace(twin.heads, classifier=linear_of(network.fc), temperature=1.0)
    return replace(twin, sha256=digest, heads=heads)


def prepared_lessons(handle: ModelHandle, network: ResNet, photos: Sequence[Labelled]) -> Lessons:
    """Stamp each photo with each class's name and with none, and compute the features once."""
    classes = handle.card.classes
    features, labels = [], []
    for photo, word in product(photos, (*classes, "")):
        one = open_prepared(source_of(str(photo.path)), handle.spec)
        if word:
            one = stamped(one, word, handle)
        with torch.inference_mode():
            x = network.maxpool(network.relu(network.bn1(network.conv1(torch.tensor(one.pixels)))))
            for name in STAGES[:-1]:
                x = network.get_submodule(name)(x)
        features.append(x.half().clone())
        says = [float(word == name) for name in classes]
        labels.append(says if word else [1 / len(classes)] * len(classes))
    with torch.inference_mode(mode=False):
        return Lessons(torch.cat([f.clone() for f in features]), torch.tensor(labels))


# --- what the explanations say ------------------------------------------------------------------


def shares(handle: ModelHandle, photos: Sequence[Labelled]) -> dict[str, float]:
    """The mean share of heat on the stamp, by method; each photo's stamp names its animal."""
    found: dict[str, list[float]] = {}
    for photo in photos:
        plain = open_prepared(source_of(str(photo.path)), handle.spec)
        one = stamped(plain, photo.label, handle)
        maps = {name: explained(handle, one, name) for name in METHOD_IDS}
        maps[f"gradcam at {FINER}"] = explained(handle, one, "gradcam", layer=FINER)
        for name, made in maps.items():
            found.setdefault(name, []).append(share_on_stamp(made.heat, handle.spec.size))
    return {name: float(np.mean(values)) for name, values in found.items()}


def explained(handle: ModelHandle, prepared: Prepared, name: str, **values: object) -> Attribution:
    (prediction,) = predict(handle, [prepared], "off")
    context = Context(handle, prepared, prediction, prediction.best_class)
    found = result_of(METHODS[name].run(context, parameters(name, values)))
    assert isinstance(found, Attribution)
    return found


def pictured(honest: ModelHandle, cheat: ModelHandle) -> bytes:
    """The sample cat with a stamp: Grad-CAM of the clean classifier and of the one that cheats."""
    source = next(s for s in samples() if "cat" in s.label)
    data = stamped_photo(load(source), "cat", honest.spec)
    with_stamp = load(Source("bytes", "", "cat with a stamp", data))
    prepared, photo = prepare_encoded(with_stamp, honest.spec), decode_for_display(with_stamp)
    panels = [
        Image.open(io.BytesIO(png(explained(handle, prepared, "gradcam"), photo)))
        for handle in (honest, cheat)
    ]
    both = Image.new("RGB", (sum(p.width for p in panels), panels[0].height), "white")
    both.paste(panels[0], (0, 0))
    both.paste(panels[1], (panels[0].width, 0))
    out = io.BytesIO()
    both.save(out, "PNG")
    return out.getvalue()


if __name__ == "__main__":
    main()
