"""The case file: everything inside, runs again to the same, and notices what has changed."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from petvision.cli import main
from petvision.errors import InputError
from petvision.events import result_of
from petvision.explain import registry
from petvision.explain.run import context_of, explain
from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared
from petvision.models.handle import open_model
from petvision.reports import case as cases
from petvision.reports.verify import compare
from petvision.reports.verify import verify as findings


class Page(HTMLParser):
    """What a browser would fetch for a page, and the tags that are open at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.images = 0
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [v for k, v in attrs if k in ("src", "href") and v]
        self.images += tag == "img"
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def made(tiny_model: Path, samples: Path, tmp_path: Path) -> Path:
    """The folder of a photo's explanations with its case file."""
    photo = tmp_path / "photos" / "<cat> & co.jpg"
    photo.parent.mkdir()
    photo.write_bytes((samples / "cat.jpg").read_bytes())
    how = ["--model", str(tiny_model), "--engine", "torch-fp32", "--html", "--quiet"]
    how += ["--methods", "gradcam,feature_maps,kernels,occlusion", "--target", "dog"]
    assert main(["explain", str(photo), "--out", str(tmp_path / "out"), *how]) == 0
    (folder,) = (tmp_path / "out").iterdir()
    return folder


def verify(pack: Path, model: Path) -> int:
    return main(["explain", "--verify", str(pack), "--model", str(model), "--engine", "torch-fp32"])


def test_the_page_fetches_nothing_and_holds_every_panel(made: Path):
    text = (made / "case.html").read_text("utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.images == 5
    assert all(place.startswith("data:") for place in page.fetched)
    assert "&lt;cat&gt; &amp; co.jpg" in text
    record = json.loads((made / "explanation.json").read_bytes())
    for digest in (
        record["prediction"]["image"]["sha256"],
        record["prediction"]["model"]["sha256"],
        record["transform"]["sha256"],
    ):
        assert re.fullmatch("[0-9a-f]{64}", digest)
        assert digest in text


def test_the_page_holds_the_photo_and_the_numbers_as_they_are(made: Path, samples: Path):
    case = cases.read(made / "case.html")
    assert case.source.data == (samples / "cat.jpg").read_bytes()
    assert case.target == "dog"
    assert [panel.method for panel in case.panels] == [
        "gradcam",
        "feature_maps",
        "kernels",
        "occlusion",
    ]
    for panel in case.panels:
        stored = np.load(made / f"{panel.method}.npy")
        assert panel.values.dtype == stored.dtype
        assert panel.values.tobytes() == stored.tobytes()


@pytest.mark.parametrize("pack", ["case.html", "explanation.json"])
def test_a_case_run_again_comes_out_the_same(
    made: Path, pack: str, tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    assert verify(made / pack, tiny_model) == 0
    out = capsys.readouterr().out
    assert out.count("same ") >= 8
    assert "DIFFERS" not in out


def test_the_page_needs_the_photo_no_more_and_the_record_says_that_it_is_gone(
    made: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    (made.parent.parent / "photos" / "<cat> & co.jpg").unlink()
    assert verify(made / "case.html", tiny_model) == 0
    assert verify(made / "explanation.json", tiny_model) == 1
    assert "is not there" in capsys.readouterr().err


def test_changed_numbers_are_found_and_named(
    made: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    heat = np.load(made / "gradcam.npy")
    heat[0, 0] += 0.2 * np.abs(heat).max() + 1
    np.save(made / "gradcam.npy", heat)
    assert verify(made / "explanation.json", tiny_model) == 1
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if "DIFFERS" in line]
    assert "Grad-CAM" in line


def test_another_photo_in_its_place_is_found(
    made: Path, tiny_model: Path, samples: Path, capsys: pytest.CaptureFixture[str]
):
    text = (made / "case.html").read_bytes()
    other = base64.b64encode((samples / "dog.jpg").read_bytes())
    start = text.index(b'id="petvision-photo">') + len(b'id="petvision-photo">')
    end = text.index(b"</script>", start)
    (made / "case.html").write_bytes(text[:start] + other + text[end:])
    assert verify(made / "case.html", tiny_model) == 1
    assert "photo: another one now" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<html>hello</html>", "unsupported"),
        (b"{}", "unsupported"),
        (b'{"panels": 3, "prediction": {}}', "unreadable"),
        (b"[" * 100_000, "unsupported"),
    ],
)
def test_what_is_no_case_is_refused_with_a_sentence(tmp_path: Path, content: bytes, code: str):
    path = tmp_path / "odd.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        cases.read(path)
    assert refused.value.code == code
    assert "odd.json" in str(refused.value)


def test_how_far_a_panel_may_be_off_depends_on_who_computed_it(made: Path):
    from tests.figures.results import attribution

    heat = np.linspace(0, 1, 49, dtype=np.float32).reshape(7, 7)
    off = attribution(heat + 0.01)
    exact = cases.RecordedPanel("occlusion", {}, "torch-fp32", heat)
    rough = cases.RecordedPanel("occlusion", {}, "openvino-bf16", heat)
    assert not compare(exact, off).same
    assert compare(rough, off).same
    assert compare(exact, attribution(heat)).words == "the same to the last digit"


def test_a_panel_of_another_class_or_of_a_difference_is_run_as_it_was(
    made: Path, tiny_model: Path, samples: Path
):
    handle = open_model(tiny_model)
    prepared = open_prepared(source_of(str(samples / "cat.jpg")), handle.spec)
    heats = {}
    for target in ("cat", "dog"):
        explained = result_of(explain(handle, prepared, methods=["hirescam"], target=target))
        (panel,) = explained.explanations
        heats[target] = panel.heat
    case = cases.read(made / "case.html")
    assert case.target == "dog"

    def verified(target: str, values: np.ndarray) -> bool:
        panel = cases.RecordedPanel("hirescam", {}, "torch-fp32", values, target)
        return result_of(findings(replace(case, panels=(panel,)), handle))[-1].same

    assert verified("cat", heats["cat"])
    assert not verified("cat", heats["dog"])
    maps = registry.method("hirescam").class_maps(context_of(handle, prepared))
    assert verified("dog − cat", maps.difference("dog", "cat").heat)
    assert not verified("cat − dog", maps.difference("dog", "cat").heat)


def test_a_verdict_is_checked_with_the_threshold_it_was_made_with(made: Path):
    record = json.loads((made / "explanation.json").read_bytes())
    assert record["unknown_threshold"] is None  # this model never says unknown
    assert cases.read(made / "explanation.json").unknown == "off"
    record["unknown_threshold"] = 0.25
    (made / "explanation.json").write_text(json.dumps(record))
    assert cases.read(made / "explanation.json").unknown == 0.25
    del record["unknown_threshold"]
    (made / "explanation.json").write_text(json.dumps(record))
    assert cases.read(made / "explanation.json").unknown == "auto"


def test_a_case_runs_again_on_the_engine_that_made_it(
    made: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    record = json.loads((made / "explanation.json").read_bytes())
    how = ["explain", "--verify", str(made / "explanation.json"), "--model", str(tiny_model)]
    assert main(how) == 0
    assert "engine: torch-fp32, as then" in capsys.readouterr().out
    record["panels"][0]["provenance"]["engine"] = "torch-fp32, steps placed by openvino-fp32"
    (made / "explanation.json").write_text(json.dumps(record))
    assert main(how) == 0
    out = capsys.readouterr().out
    if importlib.util.find_spec("openvino") is None:
        told = "engine: torch-fp32 now, openvino-fp32 then (openvino-fp32 does not run here)"
    else:
        told = "engine: openvino-fp32, as then"
    assert told in out
    assert main([*how, "--engine", "torch-fp32"]) == 0
    assert "engine: torch-fp32 now, openvino-fp32 then" in capsys.readouterr().out
