"""What the network sees lies exactly where the geometry says, and equals torchvision's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from petvision.images import door
from petvision.images.inputs import source_of
from petvision.images.prepare import geometry_of, normalise, open_prepared, prepare, resample
from petvision.images.types import Geometry, ImageFacts, InputSpec, Picture, Pixels
from petvision.models import torchvision_door
from tests.images.pictures import Save, opened, scene

LEVELS = InputSpec(mean=(0.0, 0.0, 0.0), std=(1 / 255, 1 / 255, 1 / 255))
"""An input whose normalised pixels are the levels 0..255."""


def picture_of(pixels: Pixels, scale: float = 1.0) -> Picture:
    height, width = (round(side / scale) for side in pixels.shape[:2])
    return Picture(pixels, ImageFacts(width, height, "PNG", ""), scale)


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (464, 464, (8, 8, 456, 456)),
        (928, 464, (240, 8, 688, 456)),
        (464, 928, (8, 240, 456, 688)),
        (1, 1, (1 / 58, 1 / 58, 57 / 58, 57 / 58)),
    ],
)
def test_the_box_is_the_centre_that_the_crop_leaves(
    width: int, height: int, box: tuple[float, float, float, float]
) -> None:
    geometry = geometry_of(ImageFacts(width, height, "PNG", ""), InputSpec())
    assert geometry == Geometry(width, height, pytest.approx(box), 224)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (333, 999), (1, 10_000)])
def test_there_and_back_again(width: int, height: int) -> None:
    geometry = geometry_of(ImageFacts(width, height, "PNG", ""), InputSpec())
    for point in ((0.0, 0.0), (17.25, 200.5), (224.0, 224.0)):
        assert geometry.to_model(*geometry.to_original(*point)) == pytest.approx(point, abs=1e-8)
    assert geometry.to_original(112, 112) == pytest.approx((width / 2, height / 2))


def _centre_of_light(levels: np.ndarray) -> tuple[float, float]:
    y, x = np.mgrid[0 : levels.shape[0], 0 : levels.shape[1]] + 0.5
    return float((x * levels).sum() / levels.sum()), float((y * levels).sum() / levels.sum())


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_planted_square_is_seen_where_the_geometry_says(
    save: Save, name: str, orientation: int
) -> None:
    # 2999 × 2001: the JPEG is decoded at a draft scale of 1/4 and hangs over its edges.
    upright = np.zeros((2001, 2999), np.uint8)
    upright[611:731, 1803:1953] = 255
    turns = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.rot90(upright, turns).copy())
    path = save(stored, name, exif=exif)
    prepared = open_prepared(source_of(str(path)), LEVELS)
    x, y = _centre_of_light(prepared.pixels[0, 0])
    assert prepared.geometry.to_original(x, y) == pytest.approx((1878, 671), abs=0.6)
    area = prepared.pixels[0, 0].sum() / 255 * (2001 / 232) ** 2
    assert area == pytest.approx(120 * 150, rel=0.01)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_resampling_is_one_linear_map(interpolation: str) -> None:
    # Scaling and then cutting the centre out, at a size where that needs no rounding.
    pixels = np.random.default_rng(3).integers(0, 256, (464, 696, 3), np.uint8)
    spec = InputSpec(interpolation=interpolation)  # type: ignore[arg-type]
    box = geometry_of(ImageFacts(696, 464, "PNG", ""), spec).box
    kernel = getattr(Image.Resampling, interpolation.upper())
    scaled = Image.fromarray(pixels).resize((348, 232), kernel).crop((62, 4, 286, 228))
    ours = resample(picture_of(pixels), box, 224, spec.interpolation)
    np.testing.assert_array_equal(ours, np.asarray(scaled))


@pytest.mark.parametrize(("on_tensors", "levels"), [(False, 1e-3), (True, 1.01)])
def test_it_equals_torchvisions_resize_and_centre_crop(
    samples: Path, on_tensors: bool, levels: float
) -> None:
    torchvision_door.torchvision()
    from torchvision.transforms import v2

    # 924 × 696 becomes 308 × 232: sides that torchvision need not round.
    photo = Image.open(samples / "dog.jpg").convert("RGB").crop((50, 20, 974, 716))
    scaling = [v2.Resize(232, antialias=True), v2.CenterCrop(224)]
    steps = [v2.PILToTensor(), *scaling] if on_tensors else [*scaling, v2.PILToTensor()]
    theirs = v2.Compose(
        [
            *steps,
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(InputSpec().mean, InputSpec().std),
        ]
    )(photo)
    ours = prepare(picture_of(np.array(photo)), InputSpec()).pixels[0]
    difference = np.abs(ours - theirs.numpy()) * np.array(InputSpec().std)[:, None, None] * 255
    assert difference.max() <= levels


def test_a_box_that_is_cut_at_random_may_have_any_aspect() -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[:, 100:] = 255
    square = resample(picture_of(pixels), (50, 10, 150, 40), 64, "bilinear")
    assert square.shape == (64, 64, 3)
    assert (square[:, :31] == 0).all()
    assert (square[:, 33:] == 255).all()


def test_a_box_is_in_original_pixels_at_any_scale() -> None:
    large = np.repeat(np.repeat(scene(200, 100), 4, axis=0), 4, axis=1)
    whole = resample(picture_of(large), (100, 40, 600, 340), 50, "bilinear")
    draft = resample(picture_of(scene(200, 100), 1 / 4), (100, 40, 600, 340), 50, "bilinear")
    assert np.abs(whole.astype(int) - draft).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1), (2, 3)])
def test_the_thinnest_pictures_are_seen(save: Save, size: tuple[int, int]) -> None:
    path = save(Image.new("RGB", size, (10, 20, 30)), "thin.png")
    prepared = open_prepared(source_of(str(path)), LEVELS)
    assert prepared.pixels.shape == (1, 3, 224, 224)
    levels = np.array([10, 20, 30], np.float32)[:, None, None]
    np.testing.assert_allclose(
        prepared.pixels[0], np.broadcast_to(levels, (3, 224, 224)), atol=1e-3
    )


def test_normalising_is_what_it_says() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    spec = InputSpec(size=16)
    planes = normalise(pixels, spec)
    expected = (pixels / 255.0 - np.array(spec.mean)) / np.array(spec.std)
    np.testing.assert_allclose(planes[0], expected.transpose(2, 0, 1), atol=1e-6)
    assert planes.dtype == np.float32
    assert planes.flags.c_contiguous
    assert planes.flags.writeable


def test_every_stage_is_timed(save: Save) -> None:
    prepared = open_prepared(source_of(str(save(scene(), "a.jpg"))), InputSpec())
    assert min(prepared.ms.read, prepared.ms.decode, prepared.ms.prepare) > 0
    assert prepared.ms.compute == 0
    assert prepared.facts.format == "JPEG"


def test_decoding_for_the_model_and_for_the_screen_agree(save: Save) -> None:
    large = Image.fromarray(scene(400, 300)).resize((2000, 1500))
    path = save(large, "a.jpg", quality=95)
    encoded = door.load(source_of(str(path)))
    geometry = geometry_of(opened(path).facts, LEVELS)
    small, shown = door.decode(encoded, 232), door.decode_for_display(encoded, 10**6)
    a, b = (resample(p, geometry.box, 224, "bilinear").astype(int) for p in (small, shown))
    assert np.abs(a - b).max() <= 4
