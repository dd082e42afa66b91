"""The bundled model on real photos through the real program: what was promised holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def petvision(*words: str, listed: list[Path] | None = None) -> list[str]:
    """Run ``petvision`` and return its lines."""
    done = subprocess.run(
        [sys.executable, "-m", "petvision", *words],
        input="\n".join(map(os.fspath, listed or [])),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def predictions(photos: list[Path], model: str) -> list[dict]:
    lines = [
        json.loads(x) for x in petvision("predict", "--json", "-", "--model", model, listed=photos)
    ]
    assert [line["source"] for line in lines] == [os.fspath(photo) for photo in photos]
    return lines


def best(line: dict) -> str:
    return max(line["scores"], key=line["scores"].get)


def test_every_test_photo_answers_in_order_as_well_as_the_evaluation_says(
    pets: Path, catdog: str, tmp_path: Path
):
    rows = [r.split() for r in (pets / "annotations" / "test.txt").read_text().splitlines()]
    photos = [pets / "images" / f"{row[0]}.jpg" for row in rows]
    truth = ["cat" if row[2] == "1" else "dog" for row in rows]
    assert len(photos) == 3669
    lines = predictions(photos, catdog)
    right = sum(best(line) == label for line, label in zip(lines, truth, strict=True))
    refused = sum(line["unknown"] for line in lines)
    assert right / len(photos) >= 0.990
    assert refused / len(photos) <= 0.03

    data = ("--data", f"pets:{pets}@test", "--out", str(tmp_path))
    (figures,) = petvision("evaluate", catdog, *data, "--json")
    metrics = json.loads(figures)
    assert metrics["accuracy"] == right / len(photos)
    assert metrics["refused"] == refused / len(photos)
    assert metrics["roc_auc"] >= 0.9995
    assert metrics["ece_after"] <= 0.01


def test_cats_and_dogs_of_other_sources_are_known(others: Path, catdog: str):
    photos = sorted([*(others / "cat").iterdir(), *(others / "dog").iterdir()])
    assert len(photos) == 75
    lines = predictions(photos, catdog)
    right = sum(best(line) == p.parent.name for line, p in zip(lines, photos, strict=True))
    assert right >= 72
    assert sum(line["unknown"] for line in lines) <= 4


def test_what_is_neither_comes_out_unknown(others: Path, catdog: str):
    photos = sorted((others / "neither").iterdir())
    lines = predictions(photos, catdog)
    assert sum(line["unknown"] for line in lines) >= 0.8 * len(photos)
