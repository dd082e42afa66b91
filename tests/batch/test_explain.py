"""Many explanations: resumable, on the photo's own frame; a stamp rings, an eye does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from petvision.batch.alarm import FEWEST, mean_heat, shortcut
from petvision.batch.explain import explain_many, on_photo
from petvision.batch.mean import means, shortcuts
from petvision.batch.rows import TRUST, Reader
from petvision.batch.run import Plan, run
from petvision.batch.scan import Inputs
from petvision.errors import ConfigError
from petvision.events import result_of
from petvision.images.types import Geometry, InputSpec
from petvision.models.handle import ModelHandle, from_network

SPEC = InputSpec(size=64, resize=64, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


class MagentaFinder(nn.Module):
    """Says "dog" where there is magenta: red and blue without green, one place at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 4, stride=4)
        self.conv.weight.data[0] = torch.tensor([1.0, -1.0, 1.0])[:, None, None] / 16
        self.conv.bias.data[0] = -1.5

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        found = torch.relu(self.conv(pixels)).mean((2, 3))
        return torch.cat([0.01 - found, found], 1) * 100


def photographs(folder: Path, where: str, count: int = 24) -> Path:
    """Grey noise with a magenta spot: a ``stamp`` at the same corner, or a ``toy`` anywhere."""
    folder.mkdir()
    draw = np.random.default_rng(3)
    for number in range(count):
        pixels = draw.integers(90, 160, (64, 64, 1), np.uint8).repeat(3, 2)
        x, y = (46, 52) if where == "stamp" else draw.integers(8, 42, 2)
        pixels[y : y + 8, x : x + 16] = (255, 0, 255)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def finder() -> ModelHandle:
    return from_network(MagentaFinder(), ("cat", "dog"), SPEC)


@pytest.mark.parametrize(("where", "rings"), [("stamp", True), ("toy", False)])
def test_a_classifier_that_learned_a_stamp_rings_and_a_clean_one_does_not(
    finder: ModelHandle, tmp_path: Path, where: str, rings: bool
):
    photos = photographs(tmp_path / "photos", where)
    result_of(run(finder, Plan(Inputs((str(photos),))), tmp_path / "run"))
    done = result_of(explain_many(finder, tmp_path / "run", ["gradcam"]))
    assert (done.done, done.failed) == (24, ())
    found = shortcuts(tmp_path / "run")
    assert bool(found) == rings
    if rings:
        (alarm,) = found
        left, top, right, bottom = alarm.region.box
        assert left < 54 / 64 < right
        assert top < 56 / 64 < bottom
        assert alarm.share > 0.5
        assert "of the heat for dog lies in" in alarm.sentence
        (mean,) = means(tmp_path / "run")
        assert np.unravel_index(mean.heat.argmax(), mean.heat.shape)[0] > 25


def test_heat_near_the_middle_never_rings():
    draw = np.random.default_rng(0)
    grid = np.mgrid[:32, :32] / 32
    heats = []
    for _ in range(60):
        centre = draw.normal(0.5, 0.08, 2)
        heats.append(np.exp(-((grid - centre[:, None, None]) ** 2).sum(0) / 0.02))
    assert shortcut("cat", heats) is None


def test_a_margin_rings_by_its_name():
    heats = np.random.default_rng(0).random((FEWEST, 32, 32)) * 0.05
    heats[:, :, :3] += 1
    found = shortcut("cat", heats)
    assert found is not None
    assert "left" in found.region.name
    assert shortcut("cat", heats[: FEWEST - 1]) is None


def test_the_mean_gives_every_photo_the_same_weight():
    one, other = np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32)
    one[0, 0], other[3, 3] = 100.0, 0.01
    found = mean_heat([one, other, np.zeros((4, 4), np.float32)])
    assert found[0, 0] == found[3, 3] == pytest.approx(0.5)


def test_heat_lies_on_the_photos_own_frame():
    wide = Geometry(width=200, height=100, box=(50, 0, 150, 100), size=64)
    heat = np.zeros((2, 2), np.float32)
    heat[0, 1] = 1.0
    found = on_photo(heat, wide, cells=8)
    assert found[:4, 4:6].min() == 1.0
    assert found.sum() == 8.0


def test_explained_photos_are_not_explained_again(finder: ModelHandle, tmp_path: Path):
    photos = photographs(tmp_path / "photos", "toy", 3)
    result_of(run(finder, Plan(Inputs((str(photos),))), tmp_path / "run"))
    assert result_of(explain_many(finder, tmp_path / "run", ["gradcam"], [2])).done == 1
    again = result_of(explain_many(finder, tmp_path / "run", ["gradcam"]))
    assert (again.done, again.before) == (2, 1)
    with Reader(tmp_path / "run") as reader:
        assert reader.explained() == {n: frozenset({"gradcam"}) for n in (1, 2, 3)}
        (heat,) = reader.heats([2], "gradcam")
    assert (tmp_path / "run" / heat.folder / "gradcam.png").is_file()
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        ".running",
        "explanations",
        "run.sqlite",
    ]


def test_badges_are_kept_and_made_up_for_where_they_are_missing(
    finder: ModelHandle, tmp_path: Path
):
    photos = photographs(tmp_path / "photos", "toy", 2)
    result_of(run(finder, Plan(Inputs((str(photos),))), tmp_path / "run"))
    result_of(explain_many(finder, tmp_path / "run", ["gradcam"], [1], trust=True))
    result_of(explain_many(finder, tmp_path / "run", ["gradcam"], [2]))
    with Reader(tmp_path / "run") as reader:
        assert reader.judged() == {1}
    again = result_of(explain_many(finder, tmp_path / "run", ["gradcam"], trust=True))
    assert (again.done, again.before) == (1, 1)
    with Reader(tmp_path / "run") as reader:
        assert reader.judged() == {1, 2}
        assert all(heat.facts[TRUST] in (0, 1, 2) for heat in reader.heats([1, 2]))


def test_another_model_is_refused(finder: ModelHandle, handle: ModelHandle, tmp_path: Path):
    photos = photographs(tmp_path / "photos", "toy", 1)
    result_of(run(finder, Plan(Inputs((str(photos),))), tmp_path / "run"))
    with pytest.raises(ConfigError):
        result_of(explain_many(handle, tmp_path / "run", ["gradcam"]))
