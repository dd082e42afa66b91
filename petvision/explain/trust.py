"""The trust badge: does an attribution map deserve belief?

Three questions are put to every map, and a fourth to those that promise a sum:

- Does uncovering the photo in the map's order bring the class up, and covering it bring the class
  down, sooner than random orders do, and sooner than round spots at random places do? (Petsiuk et
  al., "RISE", BMVC 2018.)
- Is the map another one when the network's weights are shuffled? (Adebayo et al., "Sanity Checks
  for Saliency Maps", NeurIPS 2018.) A map that is not shows the photo, not what was learned.
- Does the map add up to the change of the score (the completeness gap)?
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petvision.events import Event, Progress, Result
from petvision.explain import registry
from petvision.explain.base import Context, Parameters, pictures_per_step
from petvision.explain.fills import fill
from petvision.explain.likeness import at_pixels, rank_correlation
from petvision.explain.results import Attribution, Check, Curves, Light, Trust
from petvision.explain.twins import shuffled
from petvision.images.types import Floats
from petvision.memory import give_back

STEPS = 10  # equal shares of the pixels from nothing to all
ORDERS = 10  # random orders, and as many round spots
SEEDS = 3  # shuffled networks
TRIES = 9  # at so many of them: some see nothing of the class, and an empty map resembles nothing
RESAMPLES = 2000  # of the bootstrap
PHOTOS_KEPT = 4

Ranks = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold: ``green`` up to here, ``amber`` up to there, red beyond; and why there."""

    green: float
    amber: float
    reason: str


LIMITS = {
    "difference": Limit(
        0.0,
        0.0,
        "green: the whole 95 % interval of the difference to chance lies above zero; amber: it "
        "touches zero; red: it lies below. No size is asked for, because how much a photo's "
        "probability can move at all differs from photo to photo.",
    ),
    "randomised": Limit(
        0.3,
        0.5,
        "a rank correlation of 0.3 shares less than a tenth of the variance, what two maps of one "
        "photo have in common by being smooth; at 0.5 it is a quarter.",
    ),
    "gap": Limit(
        5.0,
        15.0,
        "per cent of the change of the score: at 5 a map lacks a twentieth of it (given time, "
        "Integrated Gradients goes on to 1.5); at 15 places keep their order while sizes mislead.",
    ),
}
"""Every threshold of the badge, with its reason."""

WORST: tuple[Light, ...] = ("red", "amber", "green")


@dataclass(frozen=True, slots=True, eq=False)
class _Chance:
    """What random orders and round spots do to one photo, for all classes."""

    random: Floats  # k×2×(steps+1)×classes: insertion and deletion
    blob: Floats


class Referee:
    """Judges attribution maps; what chance does to a photo is computed once for all its maps."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Chance] = OrderedDict()

    def judge(
        self, context: Context, parameters: Parameters, found: Attribution, seed: int = 0
    ) -> Iterator[Event[Trust]]:
        """Check one map.

        Args:
            context: the question that was explained; its target must be the map's.
            parameters: the method's, as they were.
            found: the map.
            seed: of the random orders, spots, shuffled weights and the bootstrap.

        Returns:
            Events: ``Progress`` in forward passes or gradients, and the ``Result``.
        """
        if not found.heat.any():
            yield Result(_nothing(found))
            return
        order = ranks(at_pixels(found.heat, context.pixels.shape[-1]), seed)
        own = yield from insertion_and_deletion(context, [order])
        chance = yield from self._chance(context, seed)
        twins, correlations = yield from _twins(context, parameters, found, seed)
        curves = [
            _curves_of(words, values, context.index)
            for words, values in (
                ("this map", own),
                ("random order", chance.random),
                ("round spots at random places", chance.blob),
            )
        ]
        yield Result(_verdict(context, found, curves, twins, correlations, seed))

    def _chance(self, context: Context, seed: int) -> Generator[Progress, None, _Chance]:
        engine = context.handle.engine.name
        facts = context.prepared.facts
        key = f"{context.handle.sha256} {engine} {facts.sha256} {context.prepared.geometry} {seed}"
        if key not in self._known:
            random, spots = chance_orders(context.pixels.shape[-1], seed)
            both = yield from insertion_and_deletion(context, [*random, *spots])
            self._known[key] = _Chance(both[: len(random)], both[len(random) :])
        self._known.move_to_end(key)
        while len(self._known) > PHOTOS_KEPT:
            self._known.popitem(last=False)
        return self._known[key]


def chance_orders(size: int, seed: int) -> tuple[list[Ranks], list[Ranks]]:
    """``ORDERS`` random orders of size×size pixels, and as many round spots, from within outwards.

    Only the order of pixels matters, so every spot stands for all of its energy.
    """
    draw = np.random.default_rng(seed)
    random = [draw.permutation(size * size).reshape(size, size) for _ in range(ORDERS)]
    rows, columns = np.mgrid[:size, :size] + 0.5
    spots = []
    for row, column in draw.uniform(0, size, (ORDERS, 2)):
        spots.append(ranks(-np.hypot(rows - row, columns - column).astype(np.float32), seed))
    return random, spots


def ranks(heat: Floats, seed: int) -> Ranks:
    """Each pixel's place in the order from the hottest (0) on; equal ones in a random order."""
    flat = heat.ravel()
    order = np.lexsort((np.random.default_rng(seed).random(flat.size), -flat))
    places = np.empty(flat.size, np.intp)
    places[order] = np.arange(flat.size)
    return places.reshape(heat.shape)


def insertion_and_deletion(
    context: Context, orders: Sequence[Ranks]
) -> Generator[Progress, None, Floats]:
    """What the model says while the photo is uncovered and covered in some orders.

    Args:
        context: the photo and the model; the handle's engine answers.
        orders: k arrays S×S of places, see ``ranks``.

    Returns:
        Probabilities float32 k×2×(STEPS+1)×classes: insertion into the blurred photo, and
        deletion from the photo.
    """
    handle, photo = context.handle, context.pixels
    blurred = fill(photo, handle.spec, "blur")
    ends = handle.heads.scores(handle.logits(np.concatenate([blurred, photo])))
    out = np.empty((len(orders), 2, STEPS + 1, ends.shape[1]), np.float32)
    out[:, 0, 0], out[:, 0, -1] = ends[0], ends[1]
    out[:, 1, 0], out[:, 1, -1] = ends[1], ends[0]
    todo = [
        (k, way, step) for k in range(len(orders)) for step in range(1, STEPS) for way in (0, 1)
    ]
    size = pictures_per_step(handle.engine, handle.device)
    batch = np.empty((size, *photo.shape[1:]), np.float32)
    for start in range(0, len(todo), size):
        part = todo[start : start + size]
        for picture, (k, way, step) in zip(batch, part, strict=False):
            first = orders[k] < step * orders[k].size // STEPS
            picture[:] = np.where(first, *((photo[0], blurred[0]), (blurred[0], photo[0]))[way])
        scores = handle.heads.scores(handle.logits(batch[: len(part)]))
        for (k, way, step), row in zip(part, scores, strict=True):
            out[k, way, step] = row
        yield Progress(start + len(part), len(todo), "covering and uncovering")
    return out


def _curves_of(words: str, scores: Floats, index: int) -> Curves:
    shares = np.linspace(0, 1, STEPS + 1, dtype=np.float32)
    return Curves(words, shares, scores[:, 0, :, index], scores[:, 1, :, index])


def _twins(
    context: Context, parameters: Parameters, found: Attribution, seed: int
) -> Generator[Progress, None, tuple[Attribution, tuple[float, ...]]]:
    """The map of a shuffled network, and how like this map those of ``SEEDS`` of them are.

    What a shuffled network leaves empty does not count; the next one stands in for it.
    """
    method = registry.method(found.method)
    quick = method.quicker(parameters)
    size = context.pixels.shape[-1]
    own = at_pixels(found.heat, size)
    first: Attribution | None = None
    correlations: list[float] = []
    for number in range(TRIES):
        if len(correlations) == SEEDS:
            break
        twin = yield from shuffled(context.handle, seed + number)
        question = Context(twin, context.prepared, None, context.target)
        for event in method.run(question, quick):
            if isinstance(event, Progress):
                yield event
            elif isinstance(event, Result):
                assert isinstance(event.value, Attribution)
                if event.value.heat.any():
                    first = event.value if not correlations else first
                    correlations.append(rank_correlation(own, at_pixels(event.value.heat, size)))
                first = first or event.value
        del twin, question
        give_back()
    assert first is not None
    return first, tuple(correlations)


def _verdict(
    context: Context,
    found: Attribution,
    curves: Sequence[Curves],
    twin: Attribution,
    correlations: tuple[float, ...],
    seed: int,
) -> Trust:
    own, random, blob = curves
    checks = [
        better_than(own, random, "random", "random orders", context.target, seed),
        better_than(own, blob, "blob", "round spots at random places", context.target, seed),
        depends_on_weights(correlations),
    ]
    gap = next((fact for fact in found.facts if fact.code == "completeness_gap"), None)
    if gap is not None and gap.unit == "%":
        checks.append(adds_up(gap.value))
    worst = min(checks, key=lambda check: WORST.index(check.light))
    words = worst.words
    if worst.light == "green":
        words = f"{checks[0].words} {checks[2].words}"
    return Trust(
        method=found.method,
        target=found.target,
        light=worst.light,
        code=worst.code if worst.light != "green" else "passed",
        words=words,
        checks=tuple(checks),
        own=own,
        random=random,
        blob=blob,
        twin=twin,
        correlations=correlations,
        provenance=context.provenance(context.handle.engine.name, seed),
    )


def better_than(own: Curves, other: Curves, code: str, words: str, target: str, seed: int) -> Check:
    """Whether a map's insertion minus deletion beats that of other orders, with its interval."""
    differences = (own.areas[:1] - other.areas).astype(np.float64)
    middle = float(differences.mean())
    low, high = interval(differences, seed)
    if low > LIMITS["difference"].green:
        light: Light = "green"
        said = f"It finds {target} sooner than {words} do (by {middle:.2f}, at least {low:.2f})."
    elif high >= LIMITS["difference"].amber:
        light = "amber"
        said = (
            f"It hardly finds {target} sooner than {words} do ({_signed(low)} to {_signed(high)})."
        )
    else:
        light = "red"
        said = (
            f"{words[0].upper()}{words[1:]} find {target} sooner than this map (by {-middle:.2f})."
        )
    return Check(code, light, middle, low, high, said)


def interval(values: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """The 95 % bootstrap interval of a mean."""
    draw = np.random.default_rng(seed)
    means = values[draw.integers(0, len(values), (RESAMPLES, len(values)))].mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def depends_on_weights(correlations: Sequence[float]) -> Check:
    """Whether shuffled weights give another map."""
    if not correlations:
        said = "Networks with shuffled weights see nothing here: there is no map to compare with."
        return Check("randomised", "amber", 0.0, 0.0, 0.0, said)
    mean = float(np.mean(correlations))
    limit = LIMITS["randomised"]
    told = f"(rank correlation {_signed(mean)})"
    if mean <= limit.green:
        light: Light = "green"
        said = f"With shuffled weights the map is another one {told}."
    elif mean <= limit.amber:
        light, said = "amber", f"With shuffled weights the map stays partly the same {told}."
    else:
        light = "red"
        said = (
            f"With shuffled weights the map stays much the same {told}: it shows the photo more "
            "than what was learned."
        )
    return Check(
        "randomised", light, mean, float(min(correlations)), float(max(correlations)), said
    )


def adds_up(gap: float) -> Check:
    """Whether a map that promises a sum keeps it; ``gap`` in per cent."""
    limit = LIMITS["gap"]
    light: Light = "green" if gap <= limit.green else "amber" if gap <= limit.amber else "red"
    said = f"It accounts for the change of the score to within {gap:.1f} %."
    if light != "green":
        said = f"It misses {gap:.0f} % of the change of the score; more steps or time would help."
    return Check("gap", light, gap, gap, gap, said)


def _nothing(found: Attribution) -> Trust:
    words = f"There is nothing to judge: {found.remark or 'the map is empty'}."
    return Trust(found.method, found.target, "red", "empty", words)


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
