"""A whole run on a small data set: it learns, stops, resumes, and its file works."""

import json

import numpy as np
import pytest

from petvision.errors import ConfigError, ModelError, OutputError
from petvision.events import Partial, Progress, Result
from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared
from petvision.models.handle import open_model
from petvision.models.predict import predict
from training.happenings import Epoch
from training.run import run
from training.settings import parse_config


def epochs_of(events) -> list:
    return [
        event.value
        for event in events
        if isinstance(event, Partial) and isinstance(event.value, Epoch)
    ]


def curve(epochs) -> list[tuple]:
    return [(e.number, e.loss, e.validation_loss, e.validation_accuracy) for e in epochs]


def test_a_run_makes_a_model_that_predicts(small_config, folder_of_colours):
    small_config["evaluation"]["report"] = True
    config = parse_config(small_config, "test")
    *_, last = run(config)
    assert isinstance(last, Result)
    for name in (
        "config.yaml",
        "data.json",
        "events.jsonl",
        "log.txt",
        "card.md",
        "model.safetensors",
    ):
        assert (config.out / name).is_file()
    metrics = json.loads((config.out / "evaluation" / "metrics.json").read_text())
    card = last.value.card
    assert metrics["accuracy"] == card.metrics["validation"].accuracy == 1.0
    handle = open_model(config.out / "model.safetensors")
    for label in ("cat", "dog"):
        photo = folder_of_colours / label / "00.png"
        [found] = predict(handle, [open_prepared(source_of(str(photo)), handle.spec)], "off")
        assert found.label == label


def test_a_stopped_run_resumes_with_the_same_curve(small_config, tmp_path):
    whole = epochs_of(run(parse_config(small_config, "test")))
    small_config["out"] = str(tmp_path / "stopped")
    config = parse_config(small_config, "test")
    events = run(config)
    for event in events:
        if isinstance(event, Progress) and event.words.startswith("epoch 2"):
            events.close()  # as a kill would, in the middle of an epoch
            break
    resumed = epochs_of(run(config, resume=True))
    assert curve(resumed) == curve(whole)[-len(resumed) :]
    logged = [json.loads(line) for line in (config.out / "events.jsonl").read_text().splitlines()]
    assert [e["number"] for e in logged if e["event"] == "epoch"] == [0, 1, 2]


def test_a_run_does_not_overwrite_another(small_config):
    config = parse_config(small_config, "test")
    next(run(config))
    (config.out / "events.jsonl").touch()
    with pytest.raises(OutputError, match="--resume"):
        next(run(config))


def test_a_resumed_run_refuses_another_recipe(small_config):
    events = run(parse_config(small_config, "test"))
    while not isinstance(next(events), Partial):
        pass
    next(events)
    events.close()
    small_config["optimizer"]["lr"] = 0.5
    with pytest.raises(ConfigError, match=r"optimizer\.lr was 0\.001 and is now 0\.5"):
        list(run(parse_config(small_config, "test"), resume=True))


def test_a_loss_that_is_no_number_stops_with_a_plain_word(small_config):
    small_config["optimizer"] = {"name": "sgd", "lr": 1e30}
    small_config["training"]["clip_norm"] = 0
    with pytest.raises(ModelError, match=r"no longer a number; lower optimizer\.lr"):
        list(run(parse_config(small_config, "test")))


def test_runs_with_equal_seeds_are_equal_and_with_others_differ(small_config, tmp_path):
    small_config["training"]["epochs"] = 1

    def stem(seed: int, folder: str):
        tree = small_config | {"seed": seed, "out": str(tmp_path / folder)}
        finished = list(run(parse_config(tree, "test")))[-1].value
        return open_model(finished.path).stored("conv1.weight")

    first = stem(5, "one")
    np.testing.assert_array_equal(first, stem(5, "two"))
    assert np.abs(first - stem(6, "three")).max() > 0.01
