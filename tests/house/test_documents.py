"""What the documents say is what the program and its files say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from petvision.cli import PROGRAM
from petvision.models import zoo

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("document", ["README.md", "weights/README.md"])
def test_a_models_figures_are_its_cards(document: str):
    rows = re.findall(r"^\| \[`([\w-]+)`\].*$", (ROOT / document).read_text(), re.MULTILINE)
    assert rows == [path.stem for path in sorted((ROOT / "weights").glob("*.safetensors"))]
    for name in rows:
        measured = zoo.info(str(ROOT / "weights" / f"{name}.safetensors")).metrics["test"]
        (row,) = re.findall(rf"^\| \[`{name}`\].*$", (ROOT / document).read_text(), re.MULTILINE)
        assert f"| {measured.accuracy:.4f} " in row
        assert f"| {measured.roc_auc:.5f} " in row


def test_the_readme_names_every_verb_and_no_other():
    named = set(re.findall(r"^petvision ([a-z]+)", README, re.MULTILINE))
    assert named == set(PROGRAM.verbs)


def test_every_file_a_document_points_to_is_there():
    for document in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "weights/README.md"):
        place = ROOT / document
        links = re.findall(r"\]\((?!http)([^)#]+)", place.read_text("utf-8"))
        missing = [link for link in links if not (place.parent / link).exists()]
        assert not missing, f"{document} points to {missing}"
