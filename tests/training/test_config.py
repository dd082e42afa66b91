"""The configuration: typed, limited, and told all its mistakes at once."""

import pytest
import yaml

from petvision.errors import ConfigError, InputError
from training.settings import dump_config, load_config, parse_config


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


def test_settings_reach_into_groups_and_read_numbers(small_config, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(small_config))
    config = load_config(path, ["optimizer.lr=1e-5", "training.blend=[0.5, 1]", "seed=7"])
    assert config.optimizer.lr == 1e-5
    assert config.training.blend == (0.5, 1.0)
    assert config.seed == 7


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
