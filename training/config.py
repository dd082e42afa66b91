"""The training configuration: every key typed, limited and explained.

The forms of the window, ``petvision train --schema`` and the checks all come from these classes;
``training.settings`` reads them from YAML.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from petvision.images.types import InputSpec

Architecture = Literal[
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
    "vgg16", "vgg16-gap", "alexnet", "alexnet-gap",
]  # fmt: skip
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Blocks = Annotated[int, Field(ge=1, le=64)]
Pixels = Annotated[int, Field(ge=32, le=1024)]
Channels = tuple[Share, Share, Share]
Deviations = tuple[Positive, Positive, Positive]
Measured = Literal["measured"]
LEAST_PIXELS = {"alexnet": 63, "alexnet-gap": 63}
"""Pixels a side below which a network's last maps would be empty; 32 do for the others."""
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Section(BaseModel):
    """A group of keys: unknown ones are refused, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Augment(Section):
    """How training photos are varied; the network never sees the same picture twice."""

    crop: tuple[Share, Share] = Field((0.35, 1.0), description="share of the photo's area kept")
    aspect: Positive = Field(1.33, ge=1, description="crops are up to this much wider or taller")
    flip: Share = Field(0.5, description="chance of a mirror image")
    colour: Share = Field(0.3, description="strength of brightness, contrast, colour changes")
    grey: Share = Field(0.1, description="chance of a grey picture")
    coarse: Share = Field(0.15, description="chance of a picture of few pixels, enlarged again")
    erase: Share = Field(0.25, description="chance of a covered rectangle")

    @model_validator(mode="after")
    def _crop_is_a_range(self) -> Augment:
        if not 0 < self.crop[0] <= self.crop[1]:
            raise ValueError("crop must be two shares, the smaller first and over 0")
        return self


class Data(Section):
    """Which photos, and how they are split."""

    source: Literal["pets", "cifar10", "cifar100", "folder", "csv"] = Field(
        "pets", description="kind of data set"
    )
    root: Path = Field(description="the folder of the data set (csv: the file)")
    split: Literal["trainval", "all"] = Field(
        "trainval",
        description="what is trained and chosen on: the official part, or all there is (then "
        "nothing is left to measure on)",
    )
    also: tuple[str, ...] = Field(
        (),
        description="more photos of the same classes, to train on only, such as pets:DIR or "
        "folder:DIR; what else they show is left out",
    )
    validation: Share = Field(0.2, gt=0, lt=1, description="share of it never trained on")
    classes: tuple[str, ...] = Field(
        (), description="the classes to tell apart, in this order; empty: all there are, sorted"
    )
    image_size: Pixels = Field(224, description="pixels a side the network sees")
    resize: Annotated[int, Field(ge=32, le=2048)] = Field(
        232, description="short side before the centre cut"
    )
    mean: Channels | Measured = Field(
        IMAGENET_MEAN, description="RGB mean subtracted, 0 to 1; measured: of the training photos"
    )
    std: Deviations | Measured = Field(
        IMAGENET_STD, description="RGB deviation divided by; measured: of the training photos"
    )
    augment: Augment = Augment()

    @model_validator(mode="after")
    def _fits_together(self) -> Data:
        if self.resize < self.image_size:
            raise ValueError("resize must be at least image_size")
        if len(set(self.classes)) != len(self.classes) or len(self.classes) == 1:
            raise ValueError("classes must name two or more, each once")
        return self

    @property
    def measures(self) -> bool:
        """Whether normalisation statistics are to be computed from the training photos."""
        return "measured" in (self.mean, self.std)

    @property
    def input_spec(self) -> InputSpec:
        """The preprocessing that the finished model's card will name.

        ImageNet's numbers stand in for what is still to be measured.
        """
        mean = IMAGENET_MEAN if self.mean == "measured" else self.mean
        std = IMAGENET_STD if self.std == "measured" else self.std
        return InputSpec(size=self.image_size, resize=self.resize, mean=mean, std=std)


class Model(Section):
    """The network and where it starts."""

    architecture: Architecture = Field("resnet101", description="the network's shape")
    blocks_per_stage: tuple[Blocks, Blocks, Blocks, Blocks] | None = Field(
        None, description="residual blocks of layer1 to layer4, where not the architecture's own"
    )
    name: str = Field(
        "catdog-resnet101", pattern=r"^[a-z0-9][a-z0-9._-]*$", description="what the zoo calls it"
    )
    pretrained: str = Field(
        "",
        description="where to start: a name (resnet50-ktb, imagenet-resnet101), a file, or empty "
        "for random weights; a shallower network of the kind is grown to the same function",
    )
    freeze: tuple[str, ...] = Field(
        (),
        description="layers whose weights stay as they start, by the beginnings of their names "
        "(conv1, layer1, features.0); backbone: all but the last layer",
    )
    dropout: Share = Field(0.0, lt=1, description="chance that a feature is silenced in training")
    gate: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="weight of staying true to the ImageNet head's former answers, which is then "
        "kept in the file to tell pets from everything else; 0 drops the head",
    )
    storage: Literal["fp16", "fp32", "int8"] = Field(
        "fp16", description="number format of the finished file's weights"
    )
    storage_fp16: tuple[str, ...] = Field(
        (),
        description="layers that an int8 file keeps as fp16, by the beginnings of their names "
        "(conv1, layer4.2): those that lose most by fewer digits",
    )
    album: bool = Field(
        True,
        description="keep small copies of training photos beside the model (as many as "
        "unknown.bank), and what every photo it learned from is recognised by; of a folder or CSV "
        "only, and never in the model file",
    )
    licence: str = Field("", description="of the finished weights: what they descend from rules")
    limits: tuple[str, ...] = Field((), description="sentences on what the model cannot do")

    @model_validator(mode="after")
    def _can_be_built(self) -> Model:
        if self.blocks_per_stage and not self.architecture.startswith("resnet"):
            raise ValueError("blocks_per_stage is for residual networks")
        if self.gate and not self.pretrained:
            raise ValueError("gate needs pretrained weights with their ImageNet head")
        return self


class Optimizer(Section):
    """How weights move."""

    name: Literal["adamw", "adam", "sgd"] = Field("adamw", description="the rule")
    lr: Positive | Literal["auto"] = Field(
        2e-5,
        description="learning rate of the whole network; auto: found by a short sweep before "
        "the first epoch (Smith, 2017)",
    )
    head_lr: Positive | None = Field(None, description="of the last layer, when another")
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = Field(
        (0.9, 0.999), description="decay of the two moments (adam, adamw)"
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.01, description="pull towards zero")
    decay_all: bool = Field(
        False, description="whether biases and BatchNorm are pulled too, as older recipes do"
    )
    momentum: Share = Field(0.9, lt=1, description="of sgd")

    @property
    def rate(self) -> float:
        """The learning rate; what a sweep finds has taken the place of ``auto``."""
        assert self.lr != "auto"
        return self.lr


class Scheduler(Section):
    """How the learning rate changes over the run."""

    name: Literal["cosine", "step", "onecycle", "constant"] = Field(
        "cosine", description="the curve after the warm-up"
    )
    warmup_epochs: Annotated[float, Field(ge=0)] = Field(
        0.5, description="epochs of rising to the full rate (onecycle has its own rise)"
    )
    step_size: int = Field(30, ge=1, description="epochs between steps (step)")
    gamma: Share = Field(0.1, gt=0, description="factor of a step (step)")
    rise: Share = Field(0.3, gt=0, lt=1, description="share of the run that rises (onecycle)")


class Training(Section):
    """The course of the run."""

    epochs: int = Field(
        8, ge=0, le=10_000, description="of the network, after the head; 0: the head alone"
    )
    batch_size: int = Field(32, ge=1, le=4096, description="photos a step, over all processes")
    image_size: Annotated[int, Field(ge=0, le=1024)] = Field(
        0,
        description="pixels a side while training, 32 or more; 0: as data.image_size. Random crops "
        "enlarge what they show, so fewer pixels match what predictions see (Touvron et al., 2019)",
    )
    progressive_size: tuple[Pixels, ...] = Field(
        (), description="pixels a side in equal stages of the run, small first; instead of one size"
    )
    head_first: bool = Field(
        True, description="fit the last layer on cached features before anything else"
    )
    freeze_statistics: bool = Field(True, description="keep BatchNorm's mean and variance")
    label_smoothing: Share = Field(0.0, lt=1, description="share of the truth spread over classes")
    mixup: Annotated[float, Field(ge=0, le=8)] = Field(
        0.0, description="strength of blending two photos (alpha of Zhang et al., 2018); 0: none"
    )
    cutmix: Annotated[float, Field(ge=0, le=8)] = Field(
        0.0,
        description="strength of pasting a part of another (alpha of Yun et al., 2019); 0: none",
    )
    class_weights: Literal["none", "balanced"] = Field(
        "balanced", description="whether each photo or each class counts the same"
    )
    ema: Share = Field(0.998, lt=1, description="decay of the averaged weights; 0: none")
    blend: tuple[Share, ...] = Field(
        (1.0,),
        min_length=1,
        description="mixes of start (0) and end (1) tried at the end; validation loss chooses",
    )
    clip_norm: Annotated[float, Field(ge=0)] = Field(
        1.0, description="longest gradient allowed; 0: any"
    )
    early_stop: Annotated[int, Field(ge=0, le=1000)] = Field(
        0, description="epochs without a better validation loss after which it ends; 0: never"
    )
    amp: bool = Field(True, description="half-precision arithmetic where the machine has it")
    channels_last: bool | Literal["auto"] = Field(
        "auto",
        description="memory order of pictures; auto: channels last, but not for half precision on "
        "a processor, where training is a quarter slower with it",
    )
    workers: int = Field(0, ge=0, le=256, description="decode threads; 0: one a core")


class Unknown(Section):
    """The "I don't know" verdict."""

    score: Literal["auto", "pet_mass", "knn", "combined", "max_softmax", "energy", "none"] = Field(
        "auto", description="what tells strange photos; auto: chosen on validation"
    )
    false_reject_rate: Share = Field(0.02, description="share of validation photos refused")
    negatives: tuple[str, ...] = Field(
        ("backgrounds",),
        description="what is neither, for choosing the score: backgrounds (pet-free parts of the "
        "photos) and data such as cifar10:DIR, of which kin of the classes are left out",
    )
    views: int = Field(
        3,
        ge=0,
        le=20,
        description="varied views (cuts, colours, blur, few pixels) of each validation photo that "
        "the score must not refuse either",
    )
    bank: int = Field(512, ge=0, le=4096, description="photos of the feature bank (knn)")
    outliers: tuple[str, ...] = Field(
        (),
        description="photos of none of the classes to train on (outlier exposure, Hendrycks et "
        "al., 2019): backgrounds, folder:DIR, cifar10:DIR",
    )
    outlier_weight: Annotated[float, Field(ge=0, le=100)] = Field(
        0.5, description="weight of answering them with no preference"
    )


class Evaluation(Section):
    """What is measured when the run is over."""

    test: bool = Field(True, description="measure the test part too, where there is one")
    report: bool = Field(True, description="write the evaluation folder with its figures")


class Config(Section):
    """A whole training run."""

    data: Data
    model: Model = Model()
    optimizer: Optimizer = Optimizer()
    scheduler: Scheduler = Scheduler()
    training: Training = Training()
    unknown: Unknown = Unknown()
    evaluation: Evaluation = Evaluation()
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where to compute")
    seed: int = Field(0, ge=0, lt=2**32, description="of every random choice")
    out: Path = Field(description="the folder of the run")

    @model_validator(mode="after")
    def _pictures_are_large_enough(self) -> Config:
        architecture = self.model.architecture
        least = LEAST_PIXELS.get(architecture, 32)
        sizes = [("data.image_size", self.data.image_size)]
        if self.training.image_size:
            sizes.append(("training.image_size", self.training.image_size))
        sizes += [("training.progressive_size", size) for size in self.training.progressive_size]
        for key, size in sizes:
            if size < least:
                raise ValueError(f"{key} must be at least {least} for {architecture}, not {size}")
        return self

    @model_validator(mode="after")
    def _trains_something(self) -> Config:
        training = self.training
        if not training.epochs and not training.head_first:
            raise ValueError("training.epochs 0 needs training.head_first: nothing would train")
        if "backbone" in self.model.freeze and training.ema and not training.epochs:
            return self
        if training.batch_size < 2 and not training.freeze_statistics:
            raise ValueError("training.batch_size must be 2 or more to measure BatchNorm")
        return self
