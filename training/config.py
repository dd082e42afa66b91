"""The training configuration: every key typed, limited and explained, from a YAML file.

The forms of the window, ``petvision train --schema`` and the checks all come from these classes.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from petvision.errors import ConfigError, InputError
from petvision.images.types import InputSpec

Architecture = Literal["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Blocks = Annotated[int, Field(ge=1, le=64)]
Channels = tuple[float, float, float]


class Section(BaseModel):
    """A group of keys: unknown ones are refused, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Augment(Section):
    """How training photos are varied; the network never sees the same picture twice."""

    crop: tuple[Share, Share] = Field((0.35, 1.0), description="share of the photo's area kept")
    aspect: Positive = Field(1.33, ge=1, description="crops are up to this much wider or taller")
    flip: Share = Field(0.5, description="chance of a mirror image")
    colour: Share = Field(0.3, description="strength of brightness, contrast, colour changes")
    grey: Share = Field(0.1, description="chance of a grey picture")
    coarse: Share = Field(0.15, description="chance of a picture of few pixels, enlarged again")
    erase: Share = Field(0.25, description="chance of a covered rectangle")


class Data(Section):
    """Which photos, and how they are split."""

    source: Literal["pets", "cifar10", "cifar100", "folder"] = Field(
        "pets", description="kind of data set"
    )
    root: Path = Field(description="the folder of the data set")
    validation: Share = Field(0.2, gt=0, lt=1, description="share of trainval never trained on")
    image_size: int = Field(224, ge=32, le=1024, description="pixels a side the network sees")
    resize: int = Field(232, ge=32, le=2048, description="short side before the centre cut")
    mean: Channels = Field((0.485, 0.456, 0.406), description="RGB mean subtracted, 0 to 1")
    std: Channels = Field((0.229, 0.224, 0.225), description="RGB deviation divided by")
    augment: Augment = Augment()

    @property
    def input_spec(self) -> InputSpec:
        """The preprocessing that the finished model's card will name."""
        return InputSpec(size=self.image_size, resize=self.resize, mean=self.mean, std=self.std)


class Model(Section):
    """The network and where it starts."""

    architecture: Architecture = Field("resnet101", description="the network's shape")
    blocks_per_stage: tuple[Blocks, Blocks, Blocks, Blocks] | None = Field(
        None, description="residual blocks of layer1 to layer4, where not the architecture's own"
    )
    name: str = Field("catdog-resnet101", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    pretrained: str = Field(
        "",
        description="where to start: a name (resnet50-ktb, imagenet-resnet101), a file, or empty "
        "for random weights; a shallower network of the kind is grown to the same function",
    )
    gate: Positive | Literal[0] = Field(
        0.0,
        description="weight of staying true to the ImageNet head's former answers, which is then "
        "kept in the file to tell pets from everything else; 0 drops the head",
    )
    licence: str = Field("", description="of the finished weights: what they descend from rules")
    limits: tuple[str, ...] = Field((), description="sentences on what the model cannot do")


class Optimizer(Section):
    """How weights move."""

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    lr: Positive = Field(2e-5, description="learning rate of the whole network")
    head_lr: Positive | None = Field(None, description="of the last layer, when another")
    betas: tuple[Share, Share] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    momentum: Share = 0.9


class Scheduler(Section):
    """How the learning rate changes over the run."""

    name: Literal["cosine", "step", "constant"] = "cosine"
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.5
    step_size: int = Field(30, ge=1, description="epochs between steps (step)")
    gamma: Share = Field(0.1, description="factor of a step (step)")


class Training(Section):
    """The course of the run."""

    epochs: int = Field(8, ge=0, le=10_000, description="of the whole network, after the head")
    batch_size: int = Field(32, ge=1, le=4096)
    image_size: int = Field(
        0,
        ge=0,
        le=1024,
        description="pixels a side while training; 0: as data.image_size. Random crops enlarge "
        "what they show, so fewer pixels match what predictions see (Touvron et al., 2019)",
    )
    head_first: bool = Field(True, description="fit the last layer on cached features first")
    freeze_statistics: bool = Field(True, description="keep BatchNorm's mean and variance")
    label_smoothing: Share = 0.0
    class_weights: Literal["none", "balanced"] = "balanced"
    ema: Share = Field(0.998, description="decay of the averaged weights; 0: none")
    blend: tuple[Share, ...] = Field(
        (1.0,),
        min_length=1,
        description="mixes of start (0) and end (1) tried at the end; validation loss chooses",
    )
    clip_norm: Annotated[float, Field(ge=0)] = Field(1.0, description="0: no clipping")
    amp: bool = Field(True, description="bf16 arithmetic where the machine has it")
    workers: int = Field(0, ge=0, le=256, description="decode threads; 0: one a core")


class Unknown(Section):
    """The "I don't know" verdict."""

    score: Literal["auto", "pet_mass", "knn", "combined", "max_softmax", "none"] = "auto"
    false_reject_rate: Share = Field(0.02, description="share of validation pets refused")
    negatives: tuple[str, ...] = Field(
        ("backgrounds",),
        description="what is neither, for choosing the score: backgrounds (pet-free parts of the "
        "photos) and data such as cifar10:DIR, of which kin of the classes are left out",
    )
    bank: int = Field(512, ge=0, le=4096, description="photos of the feature bank (knn)")


class Config(Section):
    """A whole training run."""

    data: Data
    model: Model = Model()
    optimizer: Optimizer = Optimizer()
    scheduler: Scheduler = Scheduler()
    training: Training = Training()
    unknown: Unknown = Unknown()
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    seed: int = Field(0, ge=0, lt=2**32)
    out: Path = Field(description="the folder of the run")


def load_config(path: Path, settings: Sequence[str] = ()) -> Config:
    """Read a YAML file and apply ``key=value`` settings such as ``optimizer.lr=1e-5``.

    Raises:
        InputError: when the file cannot be read.
        ConfigError: naming every wrong key, type and range at once.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            "not_found", str(path), remedy=f"The configuration could not be read: {error.strerror}."
        ) from error
    try:
        tree = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(
            "type", str(path), key="the file", expected="YAML", found=str(error).splitlines()[0]
        ) from error
    if not isinstance(tree, dict):
        raise ConfigError("type", str(path), key="the file", expected="keys", found="a list")
    for setting in settings:
        _apply(tree, setting)
    return parse_config(tree, str(path))


def parse_config(tree: Mapping[str, Any], source: str) -> Config:
    """Check a tree of keys against the typed configuration.

    Raises:
        ConfigError: naming every wrong key, type and range at once.
    """
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError("several", source, problems=_problems(error)) from error


def dump_config(config: Config) -> str:
    """The resolved configuration as YAML; ``load_config`` reads it back equal."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def fingerprint(config: Config) -> str:
    """Tells apart runs that cannot resume each other.

    Left out is what changes where and how fast a run computes, or comes after its epochs.
    """
    rest = config.model_dump(
        mode="json",
        exclude={
            "out": True,
            "device": True,
            "unknown": True,
            "data": {"root"},
            "model": {"licence", "limits"},
            "training": {"workers", "blend"},
        },
    )
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _apply(tree: dict[str, Any], setting: str) -> None:
    key, equals, value = setting.partition("=")
    if not equals:
        raise ConfigError("type", "--set", key=setting, expected="KEY=VALUE", found=setting)
    *groups, last = key.strip().split(".")
    for group in groups:
        inner = tree.setdefault(group, {})
        if not isinstance(inner, dict):
            raise ConfigError("type", "--set", key=group, expected="a group", found=repr(inner))
        tree = inner
    # YAML reads 1e-5 as a string; JSON-like numbers are what a person means here.
    loaded = yaml.safe_load(value)
    try:
        tree[last] = float(loaded) if isinstance(loaded, str) else loaded
    except ValueError:
        tree[last] = loaded


def _problems(error: ValidationError) -> str:
    """Every problem in a sentence, with the nearest known name for an unknown key."""
    sentences = []
    for problem in error.errors():
        path = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            near = _nearest(problem["loc"])
            sentences.append(f"there is no {path}{f'; did you mean {near}?' if near else ''}")
        elif problem["type"] == "missing":
            sentences.append(f"{path} is missing")
        else:
            sentences.append(f"{path} = {problem['input']!r}: {problem['msg'].lower()}")
    return "; ".join(sentences)


def _nearest(location: tuple[int | str, ...]) -> str:
    section: Any = Config
    for part in location[:-1]:
        section = section.model_fields[part].annotation
    near = difflib.get_close_matches(str(location[-1]), section.model_fields, n=1)
    return ".".join([*map(str, location[:-1]), near[0]]) if near else ""
