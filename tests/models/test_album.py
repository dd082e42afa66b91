"""What a model remembers of its photos, beside its file."""

import numpy as np
import pytest

from petvision.errors import ModelError
from petvision.models import zoo
from petvision.models.album import SUFFIX, Album, Snapshot, album_beside
from petvision.models.files import sha256_of
from petvision.models.handle import open_model
from petvision.models.unknown import unit_rows
from tests.models.tiny import write_tiny


@pytest.fixture
def model(tmp_path):
    return write_tiny(tmp_path / "tiny.safetensors")


@pytest.fixture
def album(model):
    rows = unit_rows(np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32))
    labels = ("cat", "cat", "dog", "dog")
    snapshots = [Snapshot(f"{i}.jpg", name, b"x" * i) for i, name in enumerate(labels)]
    return Album(sha256_of(model), rows, tuple(snapshots), 0.9, frozenset({"ab" * 32, "cd" * 32}))


def test_the_nearest_come_first_with_their_cosine(album):
    near = album.nearest(np.array([0, 2], np.float32), 3)
    assert [s.name for s, _ in near] == ["2.jpg", "1.jpg", "0.jpg"]
    assert [c for _, c in near] == pytest.approx([1, 0.6, 0], abs=1e-6)
    assert len(album.nearest(np.array([0, 2], np.float32))) == 4  # no more than there are


def test_it_comes_back_as_it_was_and_belongs_to_one_file(album, model):
    album.save(model.with_suffix(SUFFIX))
    again = open_model(model).album
    assert (again.snapshots, again.usual, again.learned) == (
        album.snapshots, album.usual, album.learned,
    )  # fmt: skip
    np.testing.assert_allclose(again.features, album.features, atol=1e-3)
    assert album_beside(model, "0" * 64) is None  # the file beside it was made for another


def test_without_one_there_is_none(model):
    assert open_model(model).album is None


@pytest.mark.parametrize("damage", [lambda b: b[:-100], lambda b: b"", lambda b: b"no archive"])
def test_a_damaged_one_is_told(album, model, damage):
    path = model.with_suffix(SUFFIX)
    album.save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=r"tiny\.photos is not a model file: it is damaged"):
        _ = open_model(model).album


def test_it_goes_into_the_zoo_and_out_of_it_with_its_model(album, model, monkeypatch, tmp_path):
    monkeypatch.setattr(zoo, "own_folder", lambda: tmp_path / "own")
    album.save(model.with_suffix(SUFFIX))
    entry = zoo.add(model)
    assert open_model(entry.path).album.snapshots == album.snapshots
    zoo.remove("tiny")
    assert list((tmp_path / "own").iterdir()) == []
