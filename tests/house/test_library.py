"""The public names, and that they work in every order of imports."""

from __future__ import annotations

import inspect
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import petvision
from petvision.errors import InputError

ROOT = Path(__file__).parents[2]


def test_the_public_names_are_these_and_each_has_its_words():
    assert petvision.__all__ == [
        "PetVisionError",
        "__version__",
        "analyse_neurons",
        "batch",
        "explain",
        "open_model",
        "predict",
    ]
    for name in petvision.__all__:
        assert name in dir(petvision)
        assert inspect.getdoc(getattr(petvision, name))


def test_there_is_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "petvision.__version__"
    assert version("petvision") == petvision.__version__
    assert f"## [{petvision.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
    assert f"version: {petvision.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_a_folder_becomes_a_table(samples: Path, tiny_model: Path, tmp_path: Path):
    summary = petvision.batch(petvision.open_model(tiny_model), samples, tmp_path / "run")
    assert (summary.items, summary.failed) == (3, 0)


def test_a_wrong_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'predcit'"):
        petvision.predcit  # noqa: B018


def test_a_photo_is_predicted_from_its_path_and_from_its_bytes(samples: Path, tiny_model: Path):
    model = petvision.open_model(tiny_model)
    photo = min(samples.glob("*.jpg"))
    by_path = petvision.predict(model, photo)
    assert by_path.label in ("cat", "dog")
    assert petvision.predict(model, str(photo)).scores == by_path.scores
    assert petvision.predict(model, photo.read_bytes()).scores == by_path.scores


def test_explain_is_the_function_though_a_room_has_its_name(samples: Path, tiny_model: Path):
    import petvision.explain.registry as room

    model = petvision.open_model(tiny_model)
    photo = min(samples.glob("*.jpg"))
    explained = petvision.explain(model, photo, methods=["gradcam"], target="dog")
    (gradcam,) = explained.explanations
    assert gradcam.method in room.METHODS
    assert gradcam.target == "dog"
    assert gradcam.heat.ndim == 2


def test_the_filters_of_a_layer_are_ranked(samples: Path, tiny_model: Path):
    model = petvision.open_model(tiny_model)
    analysis = petvision.analyse_neurons(model, min(samples.glob("*.jpg")), layer="layer1.0.conv1")
    assert analysis.layer.filters == 64
    assert len(analysis.details) == 6


def test_a_photo_that_is_not_there_is_told(tiny_model: Path):
    model = petvision.open_model(tiny_model)
    with pytest.raises(InputError, match=r"gone\.jpg is not there"):
        petvision.predict(model, "gone.jpg")
