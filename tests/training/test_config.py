"""The configuration: typed, limited, and told all its mistakes at once."""

from pathlib import Path
from typing import Any, get_args

import pytest
import torch
import yaml

from petvision.errors import ConfigError, InputError
from petvision.models.architectures import build
from training.config import LEAST_PIXELS, Architecture, Config
from training.settings import dump_config, fingerprint, load_config, parse_config


def told(tree: dict[str, Any], folder: Path, *settings: str) -> Config:
    """The configuration of a file and what was typed behind ``--set``."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(tree))
    return load_config(path, settings)


def test_all_mistakes_are_told_at_once_with_the_nearest_name(small_config):
    small_config["training"]["epoch"] = 3
    small_config["training"]["batch_size"] = 0
    small_config["optimizer"]["name"] = "adamm"
    with pytest.raises(ConfigError) as told:
        parse_config(small_config, "run.yaml")
    words = str(told.value)
    assert "there is no training.epoch (did you mean training.epochs?)" in words
    assert "training.batch_size = 0" in words
    assert "optimizer.name = 'adamm'" in words


def test_a_dumped_configuration_reads_back_equal(small_config, tmp_path):
    config = parse_config(small_config, "run.yaml")
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(config))
    assert load_config(path) == config


def test_a_run_resumes_with_the_config_of_its_folder(small_config, pytestconfig, tmp_path):
    presets = sorted((pytestconfig.rootpath / "training" / "configs").glob("*.yaml"))
    configs = [load_config(preset, ["data.root=photos", "out=run"]) for preset in presets]
    path = tmp_path / "config.yaml"
    for config in [parse_config(small_config, "run.yaml"), *configs]:
        path.write_text(dump_config(config))
        assert fingerprint(load_config(path)) == fingerprint(config)


def test_settings_reach_into_groups_and_read_numbers(small_config, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(small_config))
    config = load_config(path, ["optimizer.lr=1e-5", "training.blend=[0.5, 1]", "seed=7"])
    assert config.optimizer.lr == 1e-5
    assert config.training.blend == (0.5, 1.0)
    assert config.seed == 7


@pytest.mark.parametrize("name", ["2024", "yes", "1e5", "0x1f", "2024-13-45", "nan", "null"])
def test_a_name_that_yaml_reads_as_something_else_stays_a_name(small_config, tmp_path, name):
    config = told(small_config, tmp_path, f"model.name={name}", f"data.root={name}")
    assert config.model.name == name
    assert config.data.root == Path(name)


@pytest.mark.parametrize("folder", ["/a/cats #2", "my: photos", "[new]", "{a}", "'t is", "@x", '"'])
def test_a_folder_is_taken_as_it_is_typed(small_config, tmp_path, folder):
    assert told(small_config, tmp_path, f"data.root={folder}").data.root == Path(folder)
    quoted = yaml.safe_dump(folder, default_style='"')
    assert told(small_config, tmp_path, f"data.root={quoted}").data.root == Path(folder)


def test_an_empty_folder_is_not_the_current_one(small_config, tmp_path):
    with pytest.raises(ConfigError, match=r"data\.root"):
        told(small_config, tmp_path, "data.root=")
    assert told(small_config, tmp_path, "model.pretrained=").model.pretrained == ""


def test_one_name_stands_for_a_list_of_one(small_config, tmp_path):
    one = told(small_config, tmp_path, "data.also=folder:/my: photos #2", "unknown.negatives=")
    assert one.data.also == ("folder:/my: photos #2",)
    assert one.unknown.negatives == ()
    years = told(small_config, tmp_path, "data.classes=[2023, no]", "model.freeze=[]")
    assert years.data.classes == ("2023", "no")
    assert years.model.freeze == ()


@pytest.mark.parametrize(
    "text",
    ["data: {root: {{DIR}}}", "? [a, b]\n: c", "seed: 2024-13-45", "1: 2", "[" * 5000, "- a"],
)
def test_a_file_that_is_no_tree_of_keys_is_one_sentence(tmp_path, text):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as told_of:
        load_config(path)
    assert len(str(told_of.value)) < 300


@pytest.mark.parametrize("setting", ["data={a: {{b}}}", "seed=2024-13-45", "data={1: 2}", "=1"])
def test_a_setting_that_makes_no_sense_is_one_sentence(small_config, tmp_path, setting):
    with pytest.raises(ConfigError):
        told(small_config, tmp_path, setting)


@pytest.mark.parametrize("architecture", get_args(Architecture))
def test_every_network_answers_the_smallest_picture_that_it_may_be_given(
    small_config, architecture
):
    small_config["model"] = {"architecture": architecture}
    least = LEAST_PIXELS.get(architecture, 32)
    for key, words in (
        ({"image_size": least - 1}, f"training.image_size must be at least {least}"),
        ({"progressive_size": [96, least - 1]}, "training.progressive_size"),
        ({"image_size": 1}, "training.image_size must be at least"),
    ):
        small_config["training"] = key
        small_config["data"] |= {"image_size": 96, "resize": 96}
        with pytest.raises(ConfigError, match=words):
            parse_config(small_config, "run.yaml")
    small_config["training"] = {"image_size": 0, "progressive_size": [least, 96]}
    small_config["data"] |= {"image_size": least}
    config = parse_config(small_config, "run.yaml")
    with torch.device("meta"):
        network = build(architecture, 2).eval()
    size = config.data.image_size
    assert network(torch.empty(1, 3, size, size, device="meta")).shape == (1, 2)


def test_a_picture_that_the_network_would_lose_is_refused(small_config):
    small_config["model"] = {"architecture": "alexnet-gap"}
    with pytest.raises(ConfigError, match=r"data\.image_size must be at least 63 for alexnet-gap"):
        parse_config(small_config, "run.yaml")


def test_a_missing_file_and_broken_yaml_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"could not be read"):
        load_config(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("data: [1, 2")
    with pytest.raises(ConfigError, match="must be YAML"):
        load_config(broken)


def test_every_preset_is_valid_and_opens_with_its_command(pytestconfig):
    presets = sorted((pytestconfig.rootpath / "training" / "configs").glob("*.yaml"))
    assert presets
    for preset in presets:
        load_config(preset, ["data.root=photos", "out=run"])
        assert preset.read_text().startswith(f"# petvision train training/configs/{preset.name}")
