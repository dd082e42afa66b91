"""What goes wrong in the world ends in one clear sentence, with nothing lost."""

import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import yaml
from PIL import Image

from petvision.cli import main
from petvision.errors import OutputError
from petvision.events import result_of
from training.check import check
from training.checkpoints import save_checkpoint
from training.settings import parse_config


@pytest.fixture
def config_file(small_config: dict, tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(small_config))
    return path


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on standard error."""
    [line] = [line for line in capsys.readouterr().err.splitlines() if "petvision:" in line]
    return line


def test_a_typo_is_told_with_the_nearest_name(config_file, capsys):
    assert main(["train", str(config_file), "--set", "training.epoch=3"]) == 2
    assert "there is no training.epoch (did you mean training.epochs?)." in told(capsys)


def test_a_key_in_the_wrong_group_is_told_where_it_belongs(config_file, capsys):
    assert main(["train", str(config_file), "--set", "training.weight_decay=1"]) == 2
    assert "did you mean optimizer.weight_decay?" in told(capsys)


def test_a_key_that_stands_twice_is_refused(config_file, capsys):
    config_file.write_text(config_file.read_text() + "seed: 6\n")
    assert main(["train", str(config_file)]) == 2
    assert re.search(r"the key 'seed' stands there twice \(line \d+\)", told(capsys))


def test_an_empty_class_is_told(config_file, folder_of_colours, capsys):
    (folder_of_colours / "bird").mkdir()
    assert main(["train", str(config_file)]) == 2
    assert "class 'bird' must be two photos or more, not none that can be used" in told(capsys)


def test_a_folder_of_one_class_is_told(config_file, folder_of_colours, capsys):
    for photo in (folder_of_colours / "dog").iterdir():
        photo.unlink()
    (folder_of_colours / "dog").rmdir()
    assert main(["train", str(config_file)]) == 2
    assert "photos of two classes or more, each in a folder of its own" in told(capsys)


def test_data_that_is_not_there_is_told(config_file, tmp_path, capsys):
    assert main(["train", str(config_file), "--set", f"data.root={tmp_path / 'none'}"]) == 2
    assert "none is not there" in told(capsys)


def test_corrupt_photos_are_left_out_and_the_run_goes_on(small_config, folder_of_colours):
    (folder_of_colours / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    whole = (folder_of_colours / "dog" / "00.png").read_bytes()
    (folder_of_colours / "dog" / "cut.png").write_bytes(whole[: len(whole) // 2])
    looked = result_of(check(parse_config(small_config, "test")))
    assert [name for name, _ in looked.left_out] == ["cat/broken.png", "dog/cut.png"]
    assert any("2 of the files cannot be read" in words for words in looked.warnings)
    assert sum(looked.counts["train"].values()) + sum(looked.counts["validation"].values()) == 30


def test_the_check_pictures_a_batch_and_finds_twins(small_config, folder_of_colours):
    for number in range(4):
        copy = folder_of_colours / "cat" / f"copy{number}.png"
        copy.write_bytes((folder_of_colours / "cat" / f"{number:02}.png").read_bytes())
    small_config["data"]["validation"] = 0.5
    config = parse_config(small_config, "test")
    looked = result_of(check(config))
    assert all("shows the same photo as" in why for _, why in looked.left_out)
    assert looked.left_out
    with Image.open(looked.batch) as picture:
        assert picture.size == (8 * 128, 2 * 144)
    again = result_of(check(config))
    assert again == looked


def test_photos_added_after_a_look_are_trained_on(small_config, folder_of_colours):
    config = parse_config(small_config, "test")
    assert sum(result_of(check(config)).counts["train"].values()) == 24
    for number in range(15, 20):
        copy = folder_of_colours / "cat" / f"{number}.png"
        Image.effect_noise((40, 52), number * 4).convert("RGB").save(copy)
    looked = result_of(check(config))
    assert looked.counts["train"]["cat"] + looked.counts["validation"]["cat"] == 20


def test_a_run_that_has_begun_keeps_its_photos_and_tells_of_added_ones(
    config_file, folder_of_colours, capsys
):
    assert main(["train", str(config_file), "--quiet"]) == 0
    Image.effect_noise((40, 52), 60).convert("RGB").save(folder_of_colours / "cat" / "late.png")
    assert main(["train", str(config_file), "--resume"]) == 0
    said = capsys.readouterr().err
    assert "1 photo came after the run began: no part of it." in said
    assert "24 photos to train on" in said


def test_a_run_without_a_check_before_it_tells_what_a_check_tells(
    config_file, folder_of_colours, tmp_path, capsys
):
    (folder_of_colours / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert main(["train", str(config_file), "--set", "training.epochs=1"]) == 0
    said = capsys.readouterr().err
    assert "1 of the files cannot be read and are left out." in said
    assert "choose and calibrate: their figures are rough." in said
    with Image.open(tmp_path / "run" / "figures" / "batch.png") as picture:
        assert picture.size == (8 * 128, 2 * 144)


def test_a_run_whose_split_was_drawn_anew_does_not_go_on_with_the_old_weights(
    config_file, folder_of_colours, tmp_path, capsys
):
    assert main(["train", str(config_file), "--quiet"]) == 0
    (folder_of_colours / "cat" / "00.png").unlink()
    assert main(["train", str(config_file), "--resume"]) == 2
    assert "gone from the data; put it back, or choose another folder (out)" in told(capsys)
    (tmp_path / "run" / "data.json").unlink()
    assert main(["train", str(config_file), "--resume"]) == 2
    assert "another configuration or other photos" in told(capsys)


def test_a_layer_that_is_not_there_is_told_before_anything_is_trained(config_file, capsys):
    for key in ("model.freeze", "model.storage_fp16"):
        assert main(["train", str(config_file), "--set", f"{key}=[layer9]"]) == 2
        assert f"{key}: there is no layer 'layer9'. There are conv1, bn1, layer1" in told(capsys)


def test_a_place_that_cannot_be_written_is_told(config_file, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert main(["train", str(config_file), "--set", f"out={tmp_path / 'file' / 'run'}"]) == 4
    assert "cannot be written: not a directory. Choose another folder." in told(capsys)


def test_errors_are_events_too(config_file, capsys):
    assert main(["train", str(config_file), "--json", "--set", "optimizer.lr=-1"]) == 2
    [line] = capsys.readouterr().out.splitlines()
    event = json.loads(line)
    assert event["event"] == "error"
    assert "optimizer.lr" in event["message"]


def test_another_recipe_is_refused_on_resume_with_both_values(config_file, capsys):
    assert main(["train", str(config_file), "--quiet"]) == 0
    changed = ["--set", "optimizer.lr=0.5", "--set", "data.image_size=36"]
    assert main(["train", str(config_file), "--resume", *changed]) == 2
    words = told(capsys)
    assert "optimizer.lr was 0.001 and is now 0.5" in words
    assert "data.image_size was 32 and is now 36" in words


def program(config: Path, *more: str) -> subprocess.Popen[str]:
    """A run of its own, which no Ctrl-C reaches: as what a script starts in the background."""
    command = [sys.executable, "-m", "petvision", "train", str(config), "--json", *more]
    pipe = subprocess.PIPE
    deaf = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, preexec_fn=deaf
    )


def curve(run: Path) -> list[tuple]:
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    epochs = [e for e in lines if e["event"] == "epoch"]
    return [(e["number"], e["loss"], e["validation_loss"], e["confusion"]) for e in epochs]


def stopped_in(process: subprocess.Popen[str], epoch: int, how: int | str) -> str:
    """Send a signal, or an order, in the middle of an epoch; returns standard error."""
    assert process.stdout is not None
    assert process.stdin is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "step" and event["epoch"] == epoch:
            if isinstance(how, int):
                os.kill(process.pid, how)
            else:
                process.stdin.write(how + "\n")
                process.stdin.flush()
            break
    return process.communicate(timeout=120)[1]


def test_a_killed_run_resumes_with_the_same_curve(config_file, tmp_path):
    more = ["--set", "training.epochs=3", "--set", "model.dropout=0.3"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert main(["train", str(config_file), "--quiet", *more, "--set", f"out={whole}"]) == 0
    process = program(config_file, *more, "--set", f"out={killed}")
    stopped_in(process, 2, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    resume = ["--resume", "--set", f"out={killed}"]
    assert main(["train", str(config_file), "--quiet", *more, *resume]) == 0
    assert curve(killed) == curve(whole)


@pytest.mark.parametrize("how", [signal.SIGTERM, '{"do": "stop"}'])
def test_stopping_keeps_the_best_and_finish_makes_its_model(config_file, tmp_path, capsys, how):
    run = tmp_path / "run"
    more = ["--set", "training.epochs=50"]
    process = program(config_file, "--orders", *more)
    words = stopped_in(process, 3, how)
    assert process.returncode == 130
    assert "stopped; the best epoch so far is kept" in words
    assert "Traceback" not in words
    capsys.readouterr()
    assert main(["train", str(config_file), *more, "--finish"]) == 0
    assert (run / "model.safetensors").is_file()
    numbers = [number for number, *_ in curve(run)]
    assert numbers == list(range(len(numbers)))
    assert 3 <= len(numbers) < 50  # it may have got further before it heard


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of half a mebibyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs more rights than this test has")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_told_and_the_last_checkpoint_stays(small_disk, config_file, capsys):
    kept = small_disk / "last.pt"
    save_checkpoint(kept, {"config": "a"})
    before = kept.read_bytes()
    with pytest.raises(OutputError, match="no space left") as caught:
        save_checkpoint(kept, {"config": "a", "net": bytes(2 << 20)})
    assert caught.value.code == "no_space"
    assert kept.read_bytes() == before
    assert [p.name for p in small_disk.iterdir()] == ["last.pt"]
    assert main(["train", str(config_file), "--set", f"out={small_disk / 'run'}"]) == 4
    assert "There is no space left to write" in told(capsys)


def test_a_read_only_disk_is_told(small_disk, config_file, capsys):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert main(["train", str(config_file), "--set", f"out={small_disk / 'run'}"]) == 4
    assert "read-only file system. Choose another folder." in told(capsys)
