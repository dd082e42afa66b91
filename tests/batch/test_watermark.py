"""A classifier that learned a watermark rings the shortcut alarm; the untouched one does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from petvision.batch.alarm import Shortcut
from petvision.batch.explain import explain_many
from petvision.batch.mean import shortcuts
from petvision.batch.run import Plan, run
from petvision.batch.scan import Inputs
from petvision.events import result_of
from petvision.images.door import load
from petvision.images.inputs import source_of
from petvision.models.handle import ModelHandle, open_model
from tests.benchmarks.shortcut import drawn, stamped_photo, trained

pytestmark = pytest.mark.slow

LEARNED, EPOCHS, SEEN = 120, 12, 48


@pytest.fixture(scope="module")
def clean() -> ModelHandle:
    return open_model("catdog-resnet18", device="cpu")


@pytest.fixture(scope="module")
def cheat(clean: ModelHandle, pets: Path) -> ModelHandle:
    return trained(clean, drawn(f"pets:{pets}@trainval", LEARNED), EPOCHS)


@pytest.fixture(scope="module")
def stamped(clean: ModelHandle, pets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Test photos that carry the name of their animal in a corner."""
    folder = tmp_path_factory.mktemp("stamped")
    for photo in drawn(f"pets:{pets}@test", SEEN):
        encoded = load(source_of(str(photo.path)))
        data = stamped_photo(encoded, photo.label, clean.spec)
        (folder / f"{photo.path.stem}.png").write_bytes(data)
    return folder


def rings(handle: ModelHandle, photos: Path, folder: Path) -> list[Shortcut]:
    """The alarms of a run over photos, all of them explained."""
    done = result_of(run(handle, Plan(Inputs((str(photos),)), unknown="off"), folder))
    assert done.fresh == SEEN
    assert result_of(explain_many(handle, folder, ["gradcam"])).done == SEEN
    return shortcuts(folder)


def test_the_watermark_rings_and_is_found(cheat: ModelHandle, stamped: Path, tmp_path: Path):
    found = rings(cheat, stamped, tmp_path)
    assert {alarm.target for alarm in found} == {"cat", "dog"}
    for alarm in found:
        left, top, _, _ = alarm.region.box
        assert left < 0.35, alarm.sentence
        assert top < 0.35, alarm.sentence


def test_the_untouched_classifier_is_not_accused(clean: ModelHandle, stamped: Path, tmp_path: Path):
    assert rings(clean, stamped, tmp_path) == []
