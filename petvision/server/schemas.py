"""The shapes of requests and answers, as the documentation shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SHA256 = "9f2c57b1a0d34c2b8f70c1f1f5a6f0b7f8f5f5a4a9b0c1d2e3f405162738495a"
Sentence = Annotated[str, Field(examples=["tom.jpg ends in the middle of the picture."])]


class Schema(BaseModel):
    """A shape that is never changed once made."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


class Address(Schema):
    """A picture by its address, for ``/predict``."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[
        str,
        Field(
            description="An http or https address on the public internet.",
            examples=["https://example.org/tom.jpg"],
            min_length=8,
            max_length=4096,
            pattern=r"^https?://[^\s]+$",
        ),
    ]


class Asked(Schema):
    """What ``/predict/advanced`` may be asked beside the picture."""

    model_config = ConfigDict(extra="forbid")

    methods: Annotated[
        tuple[str, ...] | None,
        Field(description="Ids of methods; the five panels unless chosen.", max_length=32),
    ] = None
    target: Annotated[
        str | None, Field(description="The class to explain; the predicted one unless chosen.")
    ] = None
    parameters: Annotated[
        dict[str, dict[str, Any]],
        Field(
            description="By method, what differs from its defaults.",
            examples=[{"occlusion": {"stride": 32}}],
        ),
    ] = {}


class AdvancedAddress(Address, Asked):
    """A picture by its address, for ``/predict/advanced``."""


class Model(Schema):
    """Which weights answered."""

    name: str = Field(examples=["catdog-resnet101"])
    sha256: str = Field(examples=[SHA256])


class Image(Schema):
    """What the picture is: upright size in pixels, format, digest, remarks on its reading."""

    width: int
    height: int
    format: str = Field(examples=["JPEG"])
    sha256: str = Field(examples=[SHA256])
    notes: tuple[str, ...] = Field(examples=[["rotated by EXIF"]])


class Meta(Schema):
    """What an answer rests on.

    ``unknown_score`` grows with strangeness and is compared with ``unknown_threshold``; ``ms`` are
    the milliseconds of each stage.
    """

    model: Model
    image: Image
    engine: str = Field(examples=["torch-fp32"])
    unknown_score: float | None
    unknown_threshold: float | None
    ms: dict[str, float]


class Answer(Schema):
    """The verdict on a picture.

    ``label`` (also ``prediction``) is "unknown" when ``unknown``; the best known class is still
    the largest of ``scores``, which is ``confidence``.
    """

    label: str = Field(examples=["cat"])
    prediction: str = Field(examples=["cat"])
    scores: dict[str, float] = Field(examples=[{"cat": 0.998, "dog": 0.002}])
    confidence: float = Field(examples=[0.998])
    unknown: bool = Field(examples=[False])
    meta: Meta


class Fault(Schema):
    """A stable code and one clear sentence."""

    code: str = Field(examples=["unreadable"])
    message: Sentence


class Panel(Schema):
    """One explanation as a PNG in base64, and the numbers behind it."""

    png_base64: str = Field(json_schema_extra={"contentEncoding": "base64"})
    facts: dict[str, Any]


class PanelFault(Schema):
    """Why a panel is missing; the others are there nevertheless."""

    error: Fault


class AdvancedAnswer(Answer):
    """The verdict, and why: ``artifacts`` by name, such as ``gradcam_panel``."""

    target: str = Field(examples=["cat"])
    artifacts: dict[str, Panel | PanelFault]


class Health(Schema):
    """That the server answers, with which model, and how many requests wait or are computed."""

    status: Literal["ok"]
    model: Model
    queue: int = Field(ge=0)
    version: str


class ZooModel(Schema):
    """A model of the zoo; ``usable`` ones can be asked for with ``?model=NAME``."""

    name: str
    architecture: str
    classes: int
    licence: str
    usable: bool
    default: bool


class Models(Schema):
    """The models there are."""

    models: tuple[ZooModel, ...]


class Failed(Schema):
    """Why there is no answer; the log knows the request by ``request_id``."""

    error: Fault
    request_id: str
