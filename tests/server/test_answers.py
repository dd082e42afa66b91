"""Over HTTP, PetVision says what the library says, to the last bit."""

from __future__ import annotations

import base64
import json
import os
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import petvision
from petvision.explain import registry
from petvision.explain.run import DEFAULT
from petvision.figures.render import png
from petvision.images.door import decode_for_display, load
from petvision.images.inputs import source_of
from petvision.server.desk import Desk
from tests.server.conftest import running


@pytest.fixture
def photos(samples: Path) -> list[Path]:
    return sorted(p for p in samples.iterdir() if p.suffix in (".jpg", ".png", ".webp"))


def _upload(path: Path) -> dict[str, tuple[str, bytes]]:
    return {"file": (path.name, path.read_bytes())}


def test_scores_are_the_librarys_bit_for_bit(
    client: httpx.Client, photos: list[Path], tiny_model: Path
) -> None:
    model = petvision.open_model(tiny_model)
    for path in photos:
        answer = client.post("/predict", files=_upload(path))
        assert answer.status_code == 200, answer.text
        told, known = answer.json(), petvision.predict(model, path)
        assert told["scores"] == dict(known.scores)
        assert told["confidence"] == known.confidence
        assert told["label"] == told["prediction"] == known.label
        assert told["unknown"] is known.unknown
        assert told["meta"]["unknown_score"] == known.unknown_score
        assert told["meta"]["model"]["sha256"] == model.sha256
        assert told["meta"]["image"]["sha256"] == known.image.sha256


def test_panels_are_the_librarys_byte_for_byte(
    client: httpx.Client, desk: Desk, samples: Path
) -> None:
    path = samples / "cat.jpg"
    answer = client.post("/predict/advanced", files=_upload(path))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    explained = petvision.explain(desk.default, path)
    photo = decode_for_display(load(source_of(os.fspath(path))))
    assert told["target"] == explained.target
    assert set(told["artifacts"]) >= {
        "gradcam_panel",
        "integrated_gradients_overlay",
        "occlusion_overlay",
        "feature_maps_panel",
        "kernels_panel",
    }
    assert len(told["artifacts"]) == len(DEFAULT)
    for explanation in explained.explanations:
        panel = told["artifacts"][registry.method(explanation.method).artifact]
        assert base64.b64decode(panel["png_base64"]) == png(explanation, photo)
        assert panel["facts"]["method"] == explanation.method


def test_a_chosen_method_target_and_parameter_are_followed(
    client: httpx.Client, samples: Path
) -> None:
    answer = client.post(
        "/predict/advanced/",
        files=_upload(samples / "cat.jpg"),
        data={
            "methods": "occlusion",
            "target": "dog",
            "parameters": json.dumps({"occlusion": {"window": 32, "stride": 32}}),
        },
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["target"] == "dog"
    (panel,) = told["artifacts"].values()
    assert panel["facts"]["parameters"]["stride"] == 32


def test_a_panel_that_fails_loses_no_other(client: httpx.Client, samples: Path) -> None:
    answer = client.post(
        "/predict/advanced",
        files=_upload(samples / "cat.jpg"),
        data={
            "methods": "gradcam,kernels",
            "parameters": json.dumps({"gradcam": {"layer": "layer9"}}),
        },
    )
    assert answer.status_code == 200, answer.text
    artifacts = answer.json()["artifacts"]
    assert artifacts["gradcam_panel"]["error"]["code"] == "range"
    assert base64.b64decode(artifacts["kernels_panel"]["png_base64"])[1:4] == b"PNG"


def test_the_same_address_answers_with_and_without_a_slash(
    client: httpx.Client, samples: Path
) -> None:
    upload = _upload(samples / "dog.jpg")
    assert client.post("/predict/", files=upload).status_code == 200
    assert client.post("/predict", files=upload).status_code == 200


def test_health_and_models_name_the_model(client: httpx.Client, desk: Desk) -> None:
    health = client.get("/health").json()
    assert health == {
        "status": "ok",
        "model": {"name": "tiny", "sha256": desk.default.sha256},
        "queue": 0,
        "version": petvision.__version__,
    }
    (tiny,) = [m for m in client.get("/models").json()["models"] if m["name"] == "tiny"]
    assert tiny["usable"]
    assert tiny["default"]


def test_another_model_of_the_zoo_answers_when_asked_for(
    client: httpx.Client, tiny_model: Path, samples: Path
) -> None:
    other = tiny_model.with_name("other.safetensors")
    content = tiny_model.read_bytes()
    other.write_bytes(content)
    try:
        upload = _upload(samples / "dog.jpg")
        answer = client.post("/predict?model=other", files=upload)
        assert answer.status_code == 200, answer.text
        for name in ("nobody", os.fspath(other), "../other"):
            answer = client.post("/predict", params={"model": name}, files=upload)
            assert answer.status_code == 404
            assert answer.json()["error"]["code"] == "not_found"
    finally:
        other.unlink()


def test_the_documentation_comes_from_this_machine_alone(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for name in ("swagger-ui.js", "swagger-ui.css", "petvision.svg"):
        assert client.get(f"/docs/{name}").status_code == 200
    schema = client.get("/openapi.json").json()
    assert set(schema["paths"]) == {"/health", "/models", "/predict", "/predict/advanced"}


def test_a_request_keeps_its_own_id(client: httpx.Client) -> None:
    named = client.get("/health", headers={"X-Request-ID": "holiday-7"})
    assert named.headers["x-request-id"] == "holiday-7"
    evil = client.get("/health", headers={"X-Request-ID": "a b"})
    assert len(evil.headers["x-request-id"]) == 32


def test_a_token_is_wanted_where_there_is_one(desk: Desk, samples: Path) -> None:
    upload = _upload(samples / "cat.jpg")
    with running(desk, "secret") as address, httpx.Client(base_url=address) as client:
        assert client.get("/health").status_code == 200
        for headers in ({}, {"Authorization": "Bearer guess"}):
            answer = client.post("/predict", files=upload, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "token"
        headers = {"Authorization": "Bearer secret", "Host": "petvision.example"}
        assert client.post("/predict", files=upload, headers=headers).status_code == 200


def test_png_of_one_pixel_has_an_answer(client: httpx.Client) -> None:
    out = BytesIO()
    Image.fromarray(np.zeros((1, 1, 3), np.uint8)).save(out, "PNG")
    answer = client.post("/predict", files={"file": ("dot.png", out.getvalue())})
    assert answer.status_code == 200, answer.text
