"""CIFAR in torchvision's own layout."""

import pickle

import numpy as np
import pytest
from PIL import Image

from petvision.errors import InputError
from petvision.evaluate.datasets import labelled_photos, parse_spec


@pytest.fixture
def batches(tmp_path):
    """Two pictures to train on, one to test on, as the published batches are written."""
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    rows = pictures.transpose(0, 3, 1, 2).reshape(3, -1)
    names = {b"fine_label_names": [b"apple", b"baby"]}
    (folder / "meta").write_bytes(pickle.dumps(names, protocol=2))
    for name, part, labels in (("train", rows[:2], [1, 0]), ("test", rows[2:], [1])):
        content = {b"data": part, b"fine_labels": labels, b"coarse_labels": labels}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    return tmp_path, pictures


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PETVISION_CACHE", str(tmp_path / "cache"))


def test_batches_are_unpacked_once_into_a_folder_a_class(batches):
    root, pictures = batches
    trained = labelled_photos(parse_spec(f"cifar100:{root}@trainval"))
    assert [p.label for p in trained] == ["apple", "baby"]
    with Image.open(trained[1].path) as image:
        assert np.array_equal(np.asarray(image), pictures[0])
    [tested] = labelled_photos(parse_spec(f"cifar100:{root}/cifar-100-python@test"))
    assert tested.label == "baby"
    before = tested.path.stat().st_mtime_ns
    assert labelled_photos(parse_spec(f"cifar100:{root}@test")) == [tested]
    assert tested.path.stat().st_mtime_ns == before


def test_a_batch_that_wants_to_run_code_is_refused(batches):
    root, _ = batches

    class Wicked:
        def __reduce__(self):
            return print, ("no",)

    (root / "cifar-100-python" / "test").write_bytes(pickle.dumps({b"data": Wicked()}))
    with pytest.raises(InputError, match="is no batch of CIFAR"):
        labelled_photos(parse_spec(f"cifar100:{root}@test"))
    assert not any((root / "cache").rglob("*.png"))
