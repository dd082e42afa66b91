"""What the classes of a file of weights only are called."""

import pytest
import torch

from petvision.errors import ConfigError, ModelError
from petvision.models.class_names import CIFAR10, CIFAR100, guessed, parse_names
from petvision.models.files import read_model
from petvision.models.resnet import build_resnet


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return build_resnet("resnet18", 10).state_dict()


@pytest.mark.parametrize(
    ("name", "count", "expected"),
    [
        ("vgg16_cifar10.pth", 10, CIFAR10),
        ("resnet50-CIFAR100.pth", 100, CIFAR100),
        ("resnet50_cifar_100_best.pth", 100, CIFAR100),
        ("vgg16_cifar10.pth", 7, tuple(f"class {i}" for i in range(7))),
        ("mine.pth", 2, ("class 0", "class 1")),
    ],
)
def test_the_name_of_the_file_tells_a_known_data_set(tmp_path, name, count, expected):
    assert guessed(tmp_path / name, count) == expected


def test_a_list_beside_the_file_names_them(weights, tmp_path):
    torch.save(weights, tmp_path / "mine.pth")
    (tmp_path / "mine.txt").write_text("\n".join("abcdefghij") + "\n\n")
    assert read_model(tmp_path / "mine.pth").card.classes == tuple("abcdefghij")
    (tmp_path / "mine.txt").write_text("only\ntwo\n")  # of something else
    assert read_model(tmp_path / "mine.pth").card.classes[0] == "class 0"


def test_names_are_given_with_commas_or_as_a_file(tmp_path):
    assert parse_names("cat, dog,red fox") == ("cat", "dog", "red fox")
    (tmp_path / "names.txt").write_text("﻿cat\ndog\n", "utf-8")
    assert parse_names(str(tmp_path / "names.txt")) == ("cat", "dog")
    for text in ("cat,cat", " , "):
        with pytest.raises(ConfigError, match="--classes: it must be a file"):
            parse_names(text)


def test_given_names_must_be_as_many_as_the_classes(weights, tmp_path):
    torch.save(weights, tmp_path / "vgg16_cifar10.pth")
    with pytest.raises(ModelError, match="tells 10 classes apart, and 2 names are given"):
        read_model(tmp_path / "vgg16_cifar10.pth", ("cat", "dog"))


def test_a_model_that_names_its_classes_takes_no_others(tiny_model):
    with pytest.raises(ModelError, match="names its classes itself"):
        read_model(tiny_model, ("a", "b"))
    assert read_model(tiny_model, ("cat", "dog")).card.classes == ("cat", "dog")
