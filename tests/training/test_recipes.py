"""Rates, mixes, sweeps and outliers, each against what can be worked out by hand."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from petvision.events import Partial
from training.config import Config
from training.happenings import Epoch, Word
from training.mixing import mixed
from training.network import TwoHeads
from training.outliers import no_preference
from training.recipes import Average, optimizer_for, scheduler_for
from training.run import run
from training.settings import parse_config
from training.sweep import suggestion


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.fc = nn.Linear(4, 2)


@pytest.fixture
def net() -> TwoHeads:
    return TwoHeads(Tiny(), None)


def config_with(small_config: dict, **groups: dict) -> Config:
    for group, keys in groups.items():
        small_config[group] = small_config.get(group, {}) | keys
    return parse_config(small_config, "test")


def rates(net: TwoHeads, config: Config, steps: int) -> list[float]:
    optimizer = optimizer_for(net, config)
    schedule = scheduler_for(optimizer, config, steps)
    found = []
    for _ in range(config.training.epochs * steps):
        found.append(optimizer.param_groups[0]["lr"] / config.optimizer.rate)
        optimizer.step()
        schedule.step()
    return found


def test_the_published_rate_falls_to_a_tenth_after_each_thirty_epochs(net, small_config):
    plan = {"name": "step", "step_size": 30, "gamma": 0.1, "warmup_epochs": 0}
    config = config_with(small_config, scheduler=plan, training={"epochs": 61})
    found = rates(net, config, 2)
    assert found[:60] == [1.0] * 60
    assert found[60:120] == pytest.approx([0.1] * 60)
    assert found[120:] == pytest.approx([0.01] * 2)


def test_one_cycle_rises_to_the_full_rate_and_ends_near_nothing(net, small_config):
    config = config_with(
        small_config, scheduler={"name": "onecycle", "rise": 0.25}, training={"epochs": 4}
    )
    found = rates(net, config, 25)
    assert found[0] == pytest.approx(1 / 25)
    assert int(np.argmax(found)) == 25
    assert found[25] == pytest.approx(1.0)
    assert found[-1] < 0.005
    assert all(np.diff(found[:26]) > 0)
    assert all(np.diff(found[25:]) < 0)


def test_biases_are_decayed_only_where_an_older_recipe_wants_it(net, small_config):
    for all_of_them in (False, True):
        config = config_with(
            small_config, optimizer={"weight_decay": 0.5, "decay_all": all_of_them}
        )
        groups = optimizer_for(net, config).param_groups
        flat = {g["weight_decay"] for g in groups if g["params"][0].ndim == 1}
        assert flat == {0.5 if all_of_them else 0.0}


def test_frozen_layers_do_not_move(net, small_config):
    net.freeze(["backbone"])
    moving = [n for n, p in net.named_parameters() if p.requires_grad]
    assert moving == ["network.fc.weight", "network.fc.bias"]
    optimizer = optimizer_for(net, config_with(small_config))
    assert sum(len(g["params"]) for g in optimizer.param_groups) == 2


def test_without_an_average_the_network_itself_is_judged(net):
    assert Average(net, 0.0).net is net
    average = Average(net, 0.9)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(1.0)
    before = average.net.network.fc.bias.clone()
    average.update(net)  # the first step's decay is 2/11
    assert torch.allclose(average.net.network.fc.bias - before, torch.full((2,), 9 / 11))


def test_mixup_blends_pictures_and_answers_alike():
    pixels = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 8, 8).contiguous()
    targets = torch.eye(4)
    x, y = mixed(pixels, targets, 0.4, 0.0, np.random.default_rng(1))
    assert torch.allclose(y.sum(1), torch.ones(4))
    assert torch.allclose((y * torch.arange(4.0)).sum(1), x[:, 0, 0, 0], atol=1e-5)


def test_cutmix_pastes_as_much_as_it_answers():
    pixels = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 16, 16).contiguous()
    targets = torch.eye(4)
    for seed in range(8):
        x, y = mixed(pixels, targets, 0.0, 1.0, np.random.default_rng(seed))
        assert torch.allclose((y * torch.arange(4.0)).sum(1), x.mean((1, 2, 3)), atol=1e-5)
        assert set(x.unique().tolist()) <= {0.0, 1.0, 2.0, 3.0}


def test_nothing_is_mixed_unless_asked():
    pixels, targets = torch.rand(2, 3, 4, 4), torch.eye(2)
    x, y = mixed(pixels, targets, 0.0, 0.0, np.random.default_rng(0))
    assert x is pixels
    assert y is targets


def test_the_sweep_takes_a_tenth_of_the_rate_with_the_lowest_loss():
    assert suggestion([1e-4, 1e-3, 1e-2, 1e-1], [2.0, 1.5, 1.0, float("nan")]) == 1e-3


def test_no_preference_costs_nothing_and_certainty_costs_its_margin():
    assert float(no_preference(torch.zeros(3, 5))) == pytest.approx(0.0, abs=1e-6)
    # Two classes, margin m: mean of −log p over both is log(1 + e^m) − m / 2.
    logits = torch.tensor([[4.0, 0.0]])
    by_hand = np.log1p(np.exp(4.0)) - 2.0 - np.log(2.0)
    assert float(no_preference(logits)) == pytest.approx(by_hand, rel=1e-5)


def happenings(config: Config, kind: type) -> list:
    return [e.value for e in run(config) if isinstance(e, Partial) and isinstance(e.value, kind)]


def test_a_run_finds_its_own_rate(small_config):
    small_config["training"]["epochs"] = 1
    config = config_with(small_config, optimizer={"lr": "auto"})
    events = [e.value for e in run(config) if isinstance(e, Partial)]
    [word] = [e for e in events if isinstance(e, Word) and e.code == "learning_rate"]
    words, number = word.words.rstrip(".").rsplit(" ", 1)
    assert words == "The sweep found the learning rate"
    kept = json.loads((config.out / "checkpoints" / "rate.json").read_text())["lr"]
    assert 1e-8 <= kept <= 0.1
    assert kept == pytest.approx(float(number), rel=0.05)


def test_a_run_that_gets_no_better_stops_early(small_config):
    config = config_with(
        small_config,
        optimizer={"lr": 1e-12, "weight_decay": 0.0},
        training={"epochs": 30, "early_stop": 2},
    )
    epochs = happenings(config, Epoch)
    best = max(e.number for e in epochs if e.best)
    assert epochs[-1].number == best + 2 < 30


def test_everything_at_once_trains(small_config, folder_of_colours, tmp_path):
    small_config["unknown"] |= {"outliers": [f"folder:{strange_photos(tmp_path)}"], "score": "auto"}
    config = config_with(
        small_config,
        data={"mean": "measured", "std": "measured"},
        model={"dropout": 0.2},
        scheduler={"name": "onecycle"},
        training={
            "epochs": 3,
            "progressive_size": [32, 40, 48],
            "mixup": 0.2,
            "cutmix": 0.5,
            "label_smoothing": 0.1,
            "ema": 0.9,
        },
    )
    events = list(run(config))
    card = events[-1].value.card
    assert card.metrics["validation"].accuracy == 1.0
    assert card.input.mean != (0.485, 0.456, 0.406)
    red, green, blue = card.input.mean
    assert green < min(red, blue)  # the photos are red or blue
    epochs = [e.value for e in events if isinstance(e, Partial) and isinstance(e.value, Epoch)]
    assert [e.number for e in epochs] == [0, 1, 2, 3]
    assert sum(map(sum, epochs[-1].confusion)) == 6


def strange_photos(tmp_path):
    from PIL import Image

    root = tmp_path / "strange" / "noise"
    root.mkdir(parents=True)
    rng = np.random.default_rng(3)
    for number in range(6):
        pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
    return root.parent
