"""Verbs, options, their nearest names and the exit codes of wrong usage."""

from __future__ import annotations

import pytest

from petvision.cli import PROGRAM, main


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["predct", "a.jpg"], "there is no verb predct. Did you mean predict?"),
        (["models", "lst"], "there is no verb lst. Did you mean list?"),
        (["predict", "a.jpg", "--jsn"], "there is no option --jsn. Did you mean --json?"),
        (["predict", "--modle=x", "a.jpg"], "there is no option --modle=x. Did you mean --model?"),
        (["--json", "predict"], "--json comes after the verb, if at all."),
        (["predict"], "the following arguments are required: INPUT"),
        (["predict", "a.jpg", "--unknown", "often"], "must be auto, off or a number, not often"),
        (["predict", "a.jpg", "--unknown", "nan"], "must be auto, off or a number, not nan"),
        (["predict", "a.jpg", "--engine", "openvno"], "invalid choice: 'openvno' (choose from"),
        (["xyzzy"], "petvision: there is no verb xyzzy."),
    ],
)
def test_wrong_usage_ends_with_2_and_the_nearest_name(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
):
    assert main(words) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert "--help" in said.err
    assert said.out == ""


def test_no_verb_prints_the_help_and_ends_with_2(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 2
    assert main(["--help"]) == 0
    first, second = capsys.readouterr().out.split("usage:")[1:]
    assert first == second


def test_every_verb_has_help_that_names_its_options(capsys: pytest.CaptureFixture[str]):
    for verb in PROGRAM.verbs:
        assert main([verb, "--help"]) == 0
        assert f"usage: petvision {verb}" in capsys.readouterr().out


def test_the_version_is_the_librarys(capsys: pytest.CaptureFixture[str]):
    import petvision

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"petvision {petvision.__version__}\n"
