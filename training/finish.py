"""From a trained network to a model file: calibrated, able to say "I don't know", measured."""

from __future__ import annotations

import datetime
import platform
import shutil
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np

from petvision.errors import ConfigError, InputError
from petvision.evaluate.calibration import fit_temperature
from petvision.evaluate.datasets import OFFICIAL, Labelled, labelled_photos, parse_spec
from petvision.evaluate.results import Evaluation, Figures, figures_of
from petvision.evaluate.run import evaluate
from petvision.evaluate.unknown import Separation
from petvision.events import Partial, Progress, Result, through
from petvision.images.prepare import normalise
from petvision.images.types import Floats, Pixels
from petvision.models.album import SUFFIX, Album, Snapshot
from petvision.models.cards import Card, InputCard, SplitMetrics, TrainingCard
from petvision.models.files import StoredModel, output_errors, sha256_of, write_model
from petvision.models.handle import ModelHandle, open_model
from petvision.models.unknown import knn, unit_rows
from petvision.reports.thumbnails import jpeg, small_ones
from training.config import Augment, Config, Data, Model
from training.data import Split, test_photos
from training.happenings import Happening
from training.loader import Loader
from training.loop import Trained
from training.negatives import Strangers, negatives_of
from training.unknown import Answers, Choice, bank_photos, check_score, choose_unknown

BATCH = 16
SNAPSHOT_PX = 112  # a side of the small copies that an album keeps
VIEWED = 300  # validation photos seen in varied views
# Photos of the same things, taken by others: nearer, darker, in other colours, of fewer pixels.
ELSEWHERE = Augment(crop=(0.2, 0.8), colour=0.5, grey=0.15, coarse=0.4, erase=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """The model file, its card, its unknown score by kind of negative, its answers by split."""

    path: Path
    card: Card
    separations: dict[str, Separation]
    evaluations: dict[str, Evaluation]


Answering = Generator[Progress, None, Answers | None]
FinishEvents = Iterator[Progress | Partial[Happening] | Result[Finished]]


def finish(
    config: Config, split: Split, trained: Trained, descent: StoredModel | None, folder: Path
) -> FinishEvents:
    """Write ``folder/model.safetensors`` with a card whose figures are of the stored file.

    Temperature, unknown score and threshold come from validation; the test split is only
    measured. The reference engine computes all of it. Nothing has its final name before all is
    done: what a stop or a kill leaves is the run as it was.

    Raises:
        ConfigError: when the unknown score, or what it is chosen with, cannot be had.
    """
    check_score(config)
    negatives = negatives_of(config, split)
    with _draft(folder) as path:
        made = yield from _made(path, config, split, trained, descent, negatives)
        place = _published(path, folder)
    yield Result(replace(made, path=place))


def _made(
    path: Path,
    config: Config,
    split: Split,
    trained: Trained,
    descent: StoredModel | None,
    negatives: Sequence[Strangers],
) -> Generator[Progress | Partial[Happening], None, Finished]:
    card = _card(config, split, trained, descent)
    _write(path, card, trained, None, config.model)
    handle = open_model(path, engine="torch-fp32")
    known = yield from _answers_of(handle, config, split.validation, "validation")
    assert known is not None  # a split has validation photos
    labels = np.array([split.classes.index(p.label) for p in split.validation])
    temperature = fit_temperature(known.logits, labels)
    bank = yield from _bank(handle, config, split)
    features = bank.features if bank else None
    strange = yield from _negatives(handle, negatives)
    varied = yield from _varied(handle, config, split)
    silent = {source.name for source in negatives if source.enlarged}
    choice = choose_unknown(config.unknown, known, strange, features, temperature, varied, silent)
    unknown = choice.card if choice else None
    card = card.model_copy(update={"temperature": temperature, "unknown": unknown})
    _write(path, card, trained, choice, config.model)
    evaluations = yield from _measure(path, config, split)
    metrics = {part: metrics_of(figures_of(e)) for part, e in evaluations.items()}
    card = card.model_copy(update={"metrics": metrics})
    _write(path, card, trained, choice, config.model)
    if _remembers(config):
        yield from _keep_album(path, config, split, known, bank)
    return Finished(path, card, dict(choice.separations) if choice else {}, evaluations)


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """Where the model grows, out of sight; gone at the end, as is what a killed run left there."""
    draft = folder / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        yield draft / "model.safetensors"
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _published(model: Path, folder: Path) -> Path:
    """Put a finished model in its place, last of its files; an earlier one's album goes."""
    for file in (model.with_suffix(SUFFIX), model.with_suffix(".md"), model):
        place = folder / file.name
        with output_errors(place):
            if file.exists():
                file.replace(place)
            else:
                place.unlink(missing_ok=True)
    return folder / model.name


@dataclass(frozen=True, slots=True, eq=False)
class _Bank:
    """A core set of the training photos, and their features (rows of length 1)."""

    photos: Sequence[Labelled]
    features: Floats


def _bank(
    handle: ModelHandle, config: Config, split: Split
) -> Generator[Progress, None, _Bank | None]:
    """What k-NN measures from and the album shows; None where neither is wanted."""
    plan = config.unknown
    if not plan.bank or not (plan.score in ("auto", "knn", "combined") or _remembers(config)):
        return None
    photos = bank_photos(split.train, split.classes, plan.bank, config.seed)
    seen = yield from _answers_of(handle, config, photos, "feature bank")
    return _Bank(photos, unit_rows(seen.features)) if seen else None


def _remembers(config: Config) -> bool:
    """Whether the photos are the person's own, who may keep copies of them."""
    return config.model.album and config.data.source not in OFFICIAL


def _borrowed(data: Data) -> set[Path]:
    """The photos of published data sets: nobody's own, so no copies of them are kept."""
    specs = (parse_spec(text, "trainval") for text in data.also)
    return {p.path for spec in specs if spec.kind in OFFICIAL for p in labelled_photos(spec)}


def _keep_album(
    path: Path, config: Config, split: Split, known: Answers, bank: _Bank | None
) -> Generator[Progress, None, None]:
    """Write what the model remembers of its photos beside it."""
    photos = (*split.train, *split.validation)
    learned = set()
    for number, photo in enumerate(photos, 1):
        with suppress(OSError):  # gone since it was trained on: nobody will measure on it
            learned.add(sha256_of(photo.path))
        yield Progress(number, len(photos), "remembering the photos")
    snapshots: list[Snapshot] = []
    rows: list[int] = []
    borrowed = _borrowed(config.data)
    members = bank.photos if bank else ()
    own = [(row, photo) for row, photo in enumerate(members) if photo.path not in borrowed]
    images = small_ones([photo.path for _, photo in own], SNAPSHOT_PX)
    for number, ((row, photo), image) in enumerate(zip(own, images, strict=True), 1):
        if image is not None:
            snapshots.append(Snapshot(photo.path.name, photo.label, jpeg(image)))
            rows.append(row)
        yield Progress(number, len(own), "small copies of photos")
    width = known.features.shape[1]
    features = bank.features[rows] if bank else np.zeros((0, width), np.float32)
    usual = float(np.median(1 - knn(known.features, features))) if rows else 0.0
    album = Album(sha256_of(path), features, tuple(snapshots), usual, frozenset(learned))
    album.save(path.with_suffix(SUFFIX))


def _negatives(
    handle: ModelHandle, sources: Sequence[Strangers]
) -> Generator[Progress | Partial[Happening], None, dict[str, Answers]]:
    """Answers to what is none of the classes, by name; photos that cannot be read are left out.

    Raises:
        ConfigError: when that leaves none.
    """
    found: dict[str, Answers] = {}
    lost = False
    for source in sources:
        unread: list[InputError] = []
        views = source.views(handle.spec, unread)
        answers = yield from _answers(handle, views, 0, f"negatives: {source.name}")
        if answers:
            found[source.name] = answers
        if word := source.word(unread):
            yield Partial(word)
        lost = lost or bool(unread)
    if lost and not found:
        names = ", ".join(source.name for source in sources)
        expected = "photos that can be read"
        raise ConfigError("range", "unknown.negatives", key=names, expected=expected, found="none")
    return found


def _varied(handle: ModelHandle, config: Config, split: Split) -> Answering:
    """Answers to the validation photos as other people might have taken them, where they count."""
    if not config.unknown.views or config.unknown.score != "auto":
        return None
    count = min(len(split.validation), VIEWED)
    photos = split.validation[:: len(split.validation) // count][:count]
    loader = Loader(
        photos, split.classes, handle.spec, BATCH, ELSEWHERE, config.seed, config.training.workers
    )
    views = (
        view
        for number in range(config.unknown.views)
        for batch in loader.epoch(number)
        for view in batch.pixels
    )
    total = config.unknown.views * len(loader) * BATCH
    return (yield from _answers(handle, views, total, "varied views"))


def _card(config: Config, split: Split, trained: Trained, descent: StoredModel | None) -> Card:
    model, data = config.model, config.data
    settings = config.model_dump(mode="json", exclude={"out": True, "data": {"root"}})
    # Where things lie on this machine is no part of a card that travels.
    settings["model"]["pretrained"] = Path(model.pretrained).name
    settings["unknown"]["negatives"] = _kinds(config.unknown.negatives)
    settings["unknown"]["outliers"] = _kinds(config.unknown.outliers)
    settings["data"]["also"] = _kinds(data.also)
    sources = " and ".join([data.source, *settings["data"]["also"]])
    return Card(
        name=model.name,
        architecture=model.architecture,
        blocks_per_stage=model.blocks_per_stage,
        classes=split.classes,
        input=InputCard.model_validate(data.input_spec, from_attributes=True),
        training=TrainingCard(
            data=f"{sources}: {len(split.train)} photos, {len(split.validation)} to choose",
            data_digest=split.digest,
            config=settings | {"blend_chosen": trained.share},
            seed=config.seed,
            epochs=trained.best.number,
            started_from=f"{descent.card.name} sha256 {descent.sha256}" if descent else "",
            machine=trained.machine,
            seconds=round(trained.seconds, 1),
            versions=versions(),
        ),
        licence=model.licence,
        limits=model.limits,
        made=datetime.date.today().isoformat(),
    )


def _kinds(specs: Sequence[str]) -> list[str]:
    return [spec.partition(":")[0] for spec in specs]


def versions() -> dict[str, str]:
    """What computed: Python and the libraries that matter for the figures."""
    names = ("petvision", "torch", "numpy", "pillow")
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def _write(path: Path, card: Card, trained: Trained, choice: Choice | None, model: Model) -> None:
    net = {n: t.numpy() for n, t in trained.net.network.state_dict().items()}
    gate = None
    if trained.net.gate is not None and (choice is None or "pet_mass" in _parts(choice)):
        gate = {n: t.numpy() for n, t in trained.net.gate.state_dict().items()}
    bank = {"bank": choice.bank} if choice and choice.bank is not None else None
    write_model(path, card, net, gate, bank, model.storage, model.storage_fp16)


def _parts(choice: Choice) -> set[str]:
    """The scores a choice is made of: a gate no score reads is not stored."""
    return {choice.card.score} | {key.partition(".")[0] for key in choice.card.statistics}


def _answers_of(
    handle: ModelHandle, config: Config, photos: Sequence[Labelled], words: str
) -> Answering:
    """Answers to photos as predictions see them."""
    loader = Loader(
        tuple(photos), handle.card.classes, handle.spec, BATCH, workers=config.training.workers
    )
    views = (view for batch in loader.epoch() for view in batch.pixels)
    return _answers(handle, views, len(photos), words)


def _answers(handle: ModelHandle, views: Iterable[Pixels], total: int, words: str) -> Answering:
    """Yields progress; returns the answers to uint8 pictures (``total`` 0: not known)."""
    features: list[Floats] = []
    rest, done = iter(views), 0
    while chunk := list(islice(rest, BATCH)):
        batch = np.concatenate([normalise(view, handle.spec) for view in chunk])
        features.append(handle.engine.forward(batch).features)
        done += len(chunk)
        yield Progress(done, total, words)
    if not features:
        return None
    x, heads = np.concatenate(features), handle.heads
    return Answers(x, heads.logits(x), heads.gate_logits(x))


def _measure(
    path: Path, config: Config, split: Split
) -> Generator[Progress, None, dict[str, Evaluation]]:
    """Evaluate the stored file on validation and, where it can be had, the official test split."""
    handle = open_model(path, engine="torch-fp32")
    parts = {"validation": list(split.validation)}
    if config.evaluation.test and (tests := test_photos(config)):
        parts["test"] = tests
    found = {}
    for part, photos in parts.items():
        found[part] = yield from through(evaluate(handle, photos, f"{config.data.source}@{part}"))
    return found


def metrics_of(figures: Figures) -> SplitMetrics:
    """The figures a card tells of."""
    return SplitMetrics(
        n=figures.n,
        accuracy=figures.accuracy,
        accuracy_ci95=figures.accuracy_wilson,
        roc_auc=figures.roc_auc,
        loss=figures.log_loss,
        f1=figures.f1_macro,
        ece_before=figures.ece_before,
        ece_after=figures.ece_after,
    )
