"""Exported files say what the program says, tell how to feed them, and are not kept otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from petvision.cli import main
from petvision.errors import ConfigError, ModelError, OutputError
from petvision.events import result_of
from petvision.export import formats
from petvision.export.certificate import reference_answers
from petvision.export.formats import FORMATS
from petvision.export.pictures import of_samples
from petvision.export.run import Order, certificate_path, export
from petvision.models import architectures
from petvision.models.cards import Card, InputCard, UnknownCard
from petvision.models.files import write_model
from petvision.models.handle import ModelHandle, open_model

ROOT = Path(__file__).resolve().parents[2]
SIZE = 64
Make = Callable[..., ModelHandle]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Opens a tiny network with an unknown score of a kind."""

    def made(score: str | None = None, architecture: str = "resnet18") -> ModelHandle:
        torch.manual_seed(3)
        blocks = (1, 1, 1, 1) if architecture == "resnet18" else None
        network = architectures.build(architecture, 2, blocks)
        random = np.random.default_rng(0)
        gate: dict[str, Any] = {}
        bank: dict[str, Any] = {}
        width = architectures.shapes(network)["fc.weight"][1]
        if score in ("pet_mass", "combined"):
            gate["weight"] = random.normal(size=(1000, width)).astype(np.float32)
            gate["bias"] = random.normal(size=1000).astype(np.float32)
        if score in ("knn", "combined"):
            bank["bank"] = random.normal(size=(40, width)).astype(np.float32)
        statistics = {"k": 3.0} if score == "knn" else {}
        if score == "combined":
            for part in ("pet_mass", "knn"):
                statistics |= {f"{part}.weight": 0.5, f"{part}.mean": 0.1, f"{part}.std": 2.0}
        unknown = score and UnknownCard(score=score, threshold=0.4, statistics=statistics)
        card = Card(
            name="tiny",
            architecture=architecture,
            blocks_per_stage=blocks,
            classes=("cat", "dog"),
            input=InputCard(size=SIZE, resize=72),
            temperature=1.3,
            unknown=unknown or None,
        )
        path = tmp_path / f"tiny-{score}-{architecture}.safetensors"
        write_model(path, card, network.state_dict(), gate, bank)
        return open_model(path)

    return made


@pytest.mark.parametrize("score", [None, "pet_mass", "knn", "max_softmax", "energy", "combined"])
def test_onnx_says_what_the_program_says(make: Make, tmp_path: Path, score: str | None) -> None:
    handle = make(score)
    out = tmp_path / "tiny.onnx"
    certificate = result_of(export(handle, Order("onnx", out, count=20)))
    assert certificate.n == 20
    assert certificate.difference.flips == 0
    assert certificate.difference.scores < 1e-5
    assert certificate.difference.unknown_score < 1e-4
    compute = FORMATS["onnx"].open(out)
    squares = np.stack(list(of_samples(3, handle.spec, seed=9)))
    for batch in (squares[:1], squares):  # the batch is dynamic
        for said, right in zip(compute(batch), reference_answers(handle, batch), strict=True):
            np.testing.assert_allclose(said, right, atol=2e-4)


@pytest.mark.parametrize("name", ["torchscript", "torch-export"])
def test_torchs_own_files_say_it_too(make: Make, tmp_path: Path, name: str) -> None:
    out = tmp_path / f"tiny{FORMATS[name].suffix}"
    certificate = result_of(export(make("knn"), Order(name, out, count=10)))
    assert certificate.difference.scores < 1e-5
    assert certificate.difference.flips == 0


def test_a_plain_network_is_exported_as_well(make: Make, tmp_path: Path) -> None:
    out = tmp_path / "alexnet.onnx"
    certificate = result_of(export(make(None, "alexnet-gap"), Order("onnx", out, count=4)))
    assert certificate.difference.scores < 1e-5


def test_eight_bits_tell_their_cost(make: Make, tmp_path: Path, samples: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        photo = (samples / f"{name}.jpg").read_bytes()
        (tmp_path / "data" / name / "a.jpg").write_bytes(photo)
    out, full = tmp_path / "int8.onnx", tmp_path / "full.onnx"
    handle = make("max_softmax")
    from petvision.evaluate.datasets import parse_spec

    data = parse_spec(f"folder:{tmp_path / 'data'}")
    certificate = result_of(export(handle, Order("onnx-int8", out, count=30, data=data)))
    result_of(export(handle, Order("onnx", full, count=4)))
    assert certificate.accuracy is not None
    assert certificate.accuracy.n == 2
    assert "2 photos of folder" in certificate.words
    assert out.stat().st_size < 0.5 * full.stat().st_size


def test_the_certificate_lies_beside_the_file(make: Make, tmp_path: Path) -> None:
    out = tmp_path / "tiny.onnx"
    certificate = result_of(export(make(), Order("onnx", out, count=3)))
    stored = json.loads(certificate_path(out).read_text())
    assert stored == certificate.as_json()
    assert stored["file_sha256"]
    assert "every label is the same" in certificate.words


def test_a_file_that_disagrees_is_not_kept(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exporter that forgets the normalisation, the classical mistake."""

    class Forgetful(formats.Whole):
        def __init__(self, handle: ModelHandle) -> None:
            super().__init__(handle)
            self.factor.fill_(1 / 255)
            self.offset.zero_()

    monkeypatch.setattr(formats, "Whole", Forgetful)
    out = tmp_path / "tiny.onnx"
    with pytest.raises(ModelError, match="was not kept"):
        result_of(export(make("energy"), Order("onnx", out, count=5)))
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".md"}


def test_what_is_there_is_never_overwritten(make: Make, tmp_path: Path) -> None:
    out = tmp_path / "tiny.onnx"
    out.write_text("mine")
    with pytest.raises(OutputError, match="already there"):
        export(make(), Order("onnx", out))
    assert out.read_text() == "mine"


def test_an_unknown_format_names_those_there_are(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="onnx-int8"):
        export(make(), Order("coreml", tmp_path / "a"))


def test_the_verb_tells_the_distance(
    tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tiny.onnx"
    words = ["export", str(tiny_model), "--to", "onnx", "--out", str(out), "--count", "4"]
    assert main(words) == 0
    told = capfd.readouterr()
    assert "compared on 4 pictures" in told.out
    assert "tiny.onnx.certificate.json" in told.err
    assert main(words) == 4


def _by_script(file: Path, photos: list[Path]) -> dict[str, tuple[str, float]]:
    script = ROOT / "scripts" / "onnx_predict.py"
    line = [sys.executable, str(script), str(file), *map(str, photos)]
    out = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    rows = (row.split("\t") for row in out.splitlines())
    return {path: (label, float(score)) for path, label, score in rows}


def test_twenty_lines_without_this_program_give_the_same(
    make: Make, tmp_path: Path, samples: Path
) -> None:
    import petvision

    code = (ROOT / "scripts" / "onnx_predict.py").read_text().split('"""')[2]
    assert "petvision" not in code.replace('"petvision"', "")
    handle = make("max_softmax")
    out = tmp_path / "tiny.onnx"
    result_of(export(handle, Order("onnx", out, count=2)))
    photos = sorted(samples.glob("*.jpg"))
    turned = tmp_path / "turned.jpg"
    from PIL import Image

    with Image.open(photos[0]) as image:
        exif = image.getexif()
        exif[274] = 6
        image.save(turned, exif=exif)
    for photo, (label, score) in zip(
        (photos := [*photos, turned]), _by_script(out, photos).values(), strict=True
    ):
        known = petvision.predict(handle, photo)
        assert label == known.label
        assert score == pytest.approx(known.confidence, abs=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_hundred_photos_have_the_windows_label_and_score(
    catdog: str, pets: Path, tmp_path: Path
) -> None:
    import petvision

    handle = open_model(catdog)
    out = tmp_path / "catdog.onnx"
    names = (pets / "annotations" / "test.txt").read_text().split("\n")[::36][:100]
    photos = [pets / "images" / f"{name.split()[0]}.jpg" for name in names]
    certificate = result_of(export(handle, Order("onnx", out)))
    assert certificate.difference.scores < 1e-4
    said = _by_script(out, photos)
    assert len(said) == 100
    for photo in photos:
        known = petvision.predict(handle, photo)
        label, score = said[str(photo)]
        assert label == known.label, photo
        assert score == pytest.approx(known.confidence, abs=1e-4), photo
