import json
import stat
from contextlib import suppress

import numpy as np
import pytest
import torch
from safetensors import safe_open

from petvision.errors import ModelError, OutputError
from petvision.models.cards import UnknownCard
from petvision.models.files import read_card, read_model, sha256_of, write_model
from tests.models.tiny import (
    header_of,
    random_gate,
    tiny_card,
    tiny_resnet,
    write_raw,
    write_tiny,
)


@pytest.fixture
def path(tmp_path):
    return write_tiny(tmp_path / "tiny.safetensors", storage="fp32")


def error_of(path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        read_model(path)
    assert path.name in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("storage", "worst"), [("fp32", 0), ("fp16", 5e-4), ("int8", 5e-3)])
def test_a_network_comes_back_as_near_as_its_storage_allows(tmp_path, storage, worst):
    net = tiny_resnet().state_dict()
    path = write_tiny(tmp_path / "tiny.safetensors", storage=storage, gate=random_gate())
    stored = read_model(path)
    assert stored.card == tiny_card()
    assert stored.sha256 == sha256_of(path)
    assert len(stored.names("gate.")) == 2
    for name in stored.names("net."):
        original = net[name.removeprefix("net.")].numpy()
        read = stored.tensor(name)
        assert read.dtype == np.float32
        assert np.abs(read - original).max() <= worst * np.abs(original).max()


def test_int8_takes_a_quarter_and_keeps_each_channels_own_scale(tmp_path):
    net = tiny_resnet().state_dict()
    net["conv1.weight"][0] *= 1000
    write_model(tmp_path / "a.safetensors", tiny_card(), net, storage="int8")
    write_tiny(tmp_path / "b.safetensors", storage="fp32")
    a, b = (tmp_path / f"{n}.safetensors" for n in "ab")
    assert a.stat().st_size < 0.27 * b.stat().st_size
    read, original = read_model(a).tensor("net.conv1.weight"), net["conv1.weight"].numpy()
    off = np.abs(read - original).max(axis=(1, 2, 3)) / np.abs(original).max(axis=(1, 2, 3))
    assert off.max() <= 0.5 / 127 + 1e-6


def test_an_int8_file_keeps_the_layers_it_is_told_to_as_fp16(tmp_path):
    net = tiny_resnet().state_dict()
    path = tmp_path / "a.safetensors"
    write_model(path, tiny_card(), net, storage="int8", fp16=("layer1", "conv1"))
    stored = read_model(path)

    def off(name: str) -> float:
        return float(np.abs(stored.tensor(f"net.{name}") - net[name].numpy()).max())

    assert off("conv1.weight") < 5e-4
    assert off("layer1.0.conv1.weight") < 5e-4
    assert off("layer2.0.conv1.weight") > 1e-4  # conv1 is the first layer, not the block's
    with safe_open(path, "numpy") as file:
        kinds = {n: file.get_slice(n).get_dtype() for n in file.keys()}  # noqa: SIM118
    assert kinds["net.conv1.weight"] == kinds["net.layer1.0.conv1.weight"] == "F16"
    assert kinds["net.layer2.0.conv1.weight"] == kinds["net.fc.weight"] == "I8"


def test_the_page_beside_the_file_names_its_digest(path):
    assert sha256_of(path) in path.with_suffix(".md").read_text("utf-8")


def test_the_card_alone_can_be_read(path):
    assert read_card(path) == tiny_card()


def test_nothing_half_written_is_left_when_the_folder_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError) as caught:
        write_tiny(tmp_path / "file" / "tiny.safetensors")
    assert caught.value.code == "read_only"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_written_file_can_be_read_by_everybody(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("values", [np.full((64, 3, 7, 7), np.nan), np.full((64, 3, 7, 7), 1e9)])
def test_values_that_do_not_fit_are_not_written(tmp_path, values):
    net = tiny_resnet().state_dict() | {"conv1.weight": torch.from_numpy(values)}
    with pytest.raises(ModelError, match=r"conv1\.weight"):
        write_model(tmp_path / "x.safetensors", tiny_card(), net, storage="fp16")
    assert list(tmp_path.iterdir()) == []


# --- files that are not what they should be -----------------------------------------------------


def test_a_file_that_is_not_there(tmp_path):
    assert error_of(tmp_path / "none.safetensors").code == "not_found"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"abc", "only 3 bytes"),
        (b"\xff" * 64, "cannot be"),
        ((1 << 40).to_bytes(8, "little") + b"{}", "cannot be"),
        ((2).to_bytes(8, "little") + b"[]", "no safetensors header"),
        ((4).to_bytes(8, "little") + b"nope", "no safetensors header"),
        ((100_000).to_bytes(8, "little") + b"[" * 100_000, "no safetensors header"),
        (b"This is a text, and no model at all.", "cannot be"),
    ],
)
def test_bytes_that_are_no_model(tmp_path, content, words):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    error = error_of(path)
    assert error.code == "not_a_model"
    assert words in str(error)


def test_a_folder_is_no_model(tmp_path):
    (tmp_path / "x.safetensors").mkdir()
    assert "a folder" in str(error_of(tmp_path / "x.safetensors"))


@pytest.mark.parametrize("kept", [0.3, 0.99])
def test_a_truncated_file(path, kept):
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert "too early" in str(error_of(path))


def test_bytes_after_the_end(path):
    path.write_bytes(path.read_bytes() + b"more")
    assert "4 bytes follow" in str(error_of(path))


def test_a_name_that_occurs_twice(tmp_path):
    entry = json.dumps({"dtype": "F32", "shape": [1], "data_offsets": [0, 4]})
    write_raw(tmp_path / "x.safetensors", f'{{"a": {entry}, "a": {entry}}}'.encode(), b"\0" * 4)
    assert error_of(tmp_path / "x.safetensors").code == "not_a_model"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"dtype": "F64"}, "number format F64"),
        ({"dtype": "BOOL"}, "number format BOOL"),
        ({"shape": [64, 3, 7, 8]}, "another size"),
        ({"shape": [-64, -3, 7, 7]}, "cannot be"),
        ({"shape": [1 << 41]}, "cannot be"),
        ({"shape": "many"}, "does not describe"),
        ({"data_offsets": [0]}, "does not describe"),
        ({"data_offsets": [4, 260]}, "end to end"),
        ({"data_offsets": [-8, 248]}, "end to end"),
    ],
)
def test_a_header_that_lies(path, entry, words):
    header, data = header_of(path)
    first = min((k for k in header if k != "__metadata__"), key=lambda k: header[k]["data_offsets"])
    header[first] = header[first] | entry
    assert words in str(error_of(write_raw(path, header, data)))


def test_a_missing_tensor_is_named(tmp_path):
    net = tiny_resnet().state_dict()
    del net["layer3.0.bn2.running_var"]
    write_model(tmp_path / "x.safetensors", tiny_card(), net)
    error = error_of(tmp_path / "x.safetensors")
    assert error.code == "wrong_shape"
    assert "net.layer3.0.bn2.running_var is missing" in str(error)


def test_a_tensor_of_another_shape_is_named(tmp_path):
    net = tiny_resnet(classes=3).state_dict()
    write_model(tmp_path / "x.safetensors", tiny_card(), net)
    assert "net.fc.weight has the shape [3, 512] instead of [2, 512]" in str(
        error_of(tmp_path / "x.safetensors")
    )


def test_a_tensor_too_many_is_named(tmp_path):
    net = tiny_resnet().state_dict() | {"secret": torch.zeros(2)}
    write_model(tmp_path / "x.safetensors", tiny_card(), net)
    assert "net.secret has no place in resnet18" in str(error_of(tmp_path / "x.safetensors"))


def test_an_architecture_this_program_does_not_have(tmp_path):
    card = tiny_card(architecture="resnet1001")
    write_model(tmp_path / "x.safetensors", card, tiny_resnet().state_dict())
    with pytest.raises(ModelError, match="resnet1001"):
        read_model(tmp_path / "x.safetensors")


def test_a_value_that_is_not_finite_is_told_when_it_is_read(path):
    header, data = header_of(path)
    start, _ = header["net.fc.bias"]["data_offsets"]
    spoilt = data[:start] + np.float32(np.nan).tobytes() + data[start + 4 :]
    stored = read_model(write_raw(path, header, spoilt))
    with pytest.raises(ModelError, match=r"net\.fc\.bias") as caught:
        stored.tensor("net.fc.bias")
    assert caught.value.code == "bad_weights"


@pytest.mark.parametrize("card", [None, "nonsense", '{"format": 2}'])
def test_a_card_that_is_not_there_or_makes_no_sense(path, card):
    header, data = header_of(path)
    header["__metadata__"] = {} if card is None else {"petvision": card}
    assert error_of(write_raw(path, header, data)).code in ("not_a_model", "unknown_version")


def test_metadata_that_is_no_text(path):
    header, data = header_of(path)
    header["__metadata__"] = {"petvision": {"format": 1}}
    assert "table of texts" in str(error_of(write_raw(path, header, data)))


def test_int8_without_its_scale(tmp_path):
    path = write_tiny(tmp_path / "x.safetensors", storage="int8")
    header, data = header_of(path)
    header["net.nothing"] = header.pop("net.conv1.weight.scale")
    assert "net.conv1.weight.scale is missing" in str(error_of(write_raw(path, header, data)))


@pytest.mark.parametrize(("score", "needs"), [("pet_mass", "gate"), ("knn", "bank")])
def test_an_unknown_score_without_what_it_needs(tmp_path, score, needs):
    card = tiny_card(UnknownCard(score=score, threshold=1.0))
    write_tiny(tmp_path / "x.safetensors", card=card)
    assert needs in str(error_of(tmp_path / "x.safetensors"))


def test_an_empty_bank(tmp_path):
    card = tiny_card(UnknownCard(score="knn", threshold=1.0))
    bank = np.zeros((0, 512), np.float32)
    write_tiny(tmp_path / "x.safetensors", card=card, unknown={"bank": bank})
    assert "unknown.bank" in str(error_of(tmp_path / "x.safetensors"))


def test_no_damage_to_the_header_is_more_than_a_model_error(tmp_path):
    path = write_tiny(tmp_path / "x.safetensors", storage="int8")
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    draw = np.random.default_rng(0)
    opened = 0
    for _ in range(150):
        damaged = bytearray(content)
        for place in draw.integers(0, end, draw.integers(1, 4)):
            damaged[place] = draw.integers(0, 256)
        path.write_bytes(damaged)
        with suppress(ModelError):  # anything else is a bug
            opened += read_model(path) is not None
    assert opened < 75


def test_a_gate_of_another_width(tmp_path):
    write_tiny(tmp_path / "x.safetensors", gate=random_gate(width=100))
    assert "gate.weight has the shape" in str(error_of(tmp_path / "x.safetensors"))
