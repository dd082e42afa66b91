import os

import pytest
import torch

from petvision.errors import ConfigError, ModelError, OutputError
from petvision.models import zoo
from petvision.models.files import sha256_of
from petvision.models.resnet import build_resnet
from tests.models.tiny import tiny_card, tiny_resnet, write_tiny


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("PETVISION_WEIGHTS", raising=False)
    monkeypatch.delenv("PETVISION_PRETRAINED", raising=False)


@pytest.fixture
def path(tmp_path):
    return write_tiny(tmp_path / "elsewhere" / "tiny.safetensors")


def entry_of(name: str) -> zoo.Entry:
    return next(entry for entry in zoo.models() if entry.name == name)


def test_models_of_the_folders_named_in_the_environment(tmp_path, monkeypatch):
    for folder in ("a", "b"):
        write_tiny(tmp_path / folder / "tiny.safetensors")
    write_tiny(tmp_path / "b" / "other.safetensors")
    folders = os.pathsep.join(str(tmp_path / f) for f in ("a", "b", "none"))
    monkeypatch.setenv("PETVISION_WEIGHTS", folders)
    assert zoo.find("tiny") == tmp_path / "a" / "tiny.safetensors"
    assert zoo.find("other") == tmp_path / "b" / "other.safetensors"
    entry = entry_of("tiny")
    assert (entry.origin, entry.architecture, entry.classes) == ("folder", "resnet18", 2)
    assert entry.bytes == zoo.find("tiny").stat().st_size


def test_a_path_is_its_own_name(path):
    assert zoo.find(path) == path
    assert zoo.find(str(path)) == path
    assert zoo.info(path) == tiny_card()


def test_a_name_that_is_not_there_is_answered_with_the_nearest(path):
    zoo.add(path)
    with pytest.raises(ModelError, match="Did you mean tiny") as caught:
        zoo.find("tinny")
    assert caught.value.code == "not_found"


@pytest.mark.parametrize("name", ["imagenet-resnet101", "resnet101"])
def test_a_name_that_could_be_fetched_is_answered_with_the_command(name):
    with pytest.raises(ModelError, match="models fetch imagenet-resnet101"):
        zoo.find(name)


def test_what_can_be_fetched_is_listed_with_its_size_and_licence():
    entry = entry_of("imagenet-vgg16")
    assert (entry.origin, entry.path) == ("available", None)
    assert entry.bytes > 500e6
    assert "BSD" in entry.licence


def test_starting_points_are_imagenet_models(tmp_path, monkeypatch):
    torch.save(build_resnet("resnet18", 1000).state_dict(), tmp_path / "resnet18-x.pth")
    monkeypatch.setenv("PETVISION_PRETRAINED", str(tmp_path))
    assert entry_of("imagenet-resnet18-x").architecture == "resnet18"
    assert zoo.find("resnet18-x") == zoo.find("imagenet-resnet18-x") == tmp_path / "resnet18-x.pth"
    assert zoo.find("imagenet-resnet18") == tmp_path / "resnet18-x.pth"
    with pytest.raises(ModelError, match="models fetch"):
        zoo.find("imagenet-resnet101")
    remote = zoo.REMOTE["imagenet-resnet18"].file_name  # torchvision's own goes first
    torch.save(build_resnet("resnet18", 1000).state_dict(), tmp_path / remote)
    assert zoo.find("imagenet-resnet18") == tmp_path / remote


def test_features_alone_are_no_model(tmp_path, monkeypatch):
    tensors = {n: t for n, t in tiny_resnet().state_dict().items() if not n.startswith("fc.")}
    torch.save(tensors, tmp_path / "features.pth")
    monkeypatch.setenv("PETVISION_PRETRAINED", str(tmp_path))
    assert "features" not in {entry.name for entry in zoo.models()}


def test_a_damaged_file_is_listed_with_its_fault(tmp_path, monkeypatch):
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    monkeypatch.setenv("PETVISION_WEIGHTS", str(tmp_path))
    assert "only 7 bytes" in entry_of("bad").fault


def test_adding_and_removing_ones_own(path):
    entry = zoo.add(path)
    assert entry.path == zoo.own_folder() / "tiny.safetensors"
    assert entry_of("tiny").origin == "own"
    assert sha256_of(entry.path) == sha256_of(path)
    assert entry.path.with_suffix(".md").is_file()
    assert zoo.add(path) == entry  # the same once more
    assert zoo.remove("tiny") == entry.path
    assert list(zoo.own_folder().iterdir()) == []
    assert path.is_file()


def test_an_added_model_goes_by_its_cards_name(path):
    run = path.rename(path.with_name("model.safetensors"))
    path.with_suffix(".md").unlink()
    entry = zoo.add(run)
    assert entry.name == entry.path.stem == "tiny"
    assert zoo.verify("tiny").recorded == sha256_of(run)


def test_another_model_of_a_taken_name_is_refused(path, tmp_path):
    zoo.add(path)
    before = sha256_of(zoo.find("tiny"))
    other = write_tiny(tmp_path / "new" / "tiny.safetensors", storage="fp32")
    with pytest.raises(OutputError, match="Remove that one"):
        zoo.add(other)
    assert sha256_of(zoo.find("tiny")) == before


def test_what_cannot_be_used_is_not_added(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError):
        zoo.add(tmp_path / "bad.safetensors")
    assert not zoo.own_folder().exists()


def test_models_that_are_not_ones_own_are_not_removed(path, monkeypatch):
    monkeypatch.setenv("PETVISION_WEIGHTS", str(path.parent))
    with pytest.raises(ConfigError, match="added or fetched"):
        zoo.remove("tiny")
    assert path.is_file()


def test_a_whole_file_is_verified_against_its_page(path):
    verified = zoo.verify(path)
    assert verified.sha256 == verified.recorded == sha256_of(path)
    assert verified.tensors == len(zoo.files.read_model(path).shapes)


def test_a_file_without_a_page_has_no_record(path):
    path.with_suffix(".md").unlink()
    assert zoo.verify(path).recorded == ""


def test_a_file_that_is_not_the_recorded_one(path):
    page = path.with_suffix(".md").read_text("utf-8")
    write_tiny(path, card=tiny_card(made="2026-01-01"))
    path.with_suffix(".md").write_text(page, "utf-8")
    with pytest.raises(ModelError, match="recorded is") as caught:
        zoo.verify(path)
    assert caught.value.code == "bad_weights"


def test_verifying_reads_every_value(tmp_path):
    write_tiny(tmp_path / "x.safetensors", storage="fp32")
    (tmp_path / "x.md").unlink()
    content = bytearray((tmp_path / "x.safetensors").read_bytes())
    content[-4:] = b"\xff\xff\xff\xff"  # not a number
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="not finite"):
        zoo.verify(tmp_path / "x.safetensors")


def test_only_known_names_are_fetched():
    with pytest.raises(ModelError, match="imagenet-resnet18"):
        zoo.fetch("imagenet-everything")


def test_a_fetched_file_goes_by_its_zoo_name():
    name, remote = next(iter(zoo.REMOTE.items()))
    zoo.own_folder().mkdir(parents=True)
    target = zoo.own_folder() / remote.file_name
    torch.save(tiny_resnet().state_dict(), target)
    assert zoo.find(name) == target
    assert entry_of(name).origin == "own"
    with pytest.raises(ModelError):  # it is not the recorded file
        zoo.verify(name)
