"""Finding a learning rate: a short sweep from tiny to large (Smith, 2017)."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Generator, Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from petvision.events import Partial, Progress
from petvision.models.files import write_atomically
from training.config import Config
from training.course import Run
from training.happenings import Happening, Word
from training.loader import Batch
from training.recipes import optimizer_for

LOW, HIGH, STEPS = 1e-7, 1.0, 60
SMOOTH = 0.9  # share of the running loss that stays at each step
EXPLODED = 4.0  # times the lowest loss seen: further up nothing is learnt any more
CAUTION = 10.0  # the rate is this much below the one of the lowest loss

LossOf = Callable[[nn.Module, Batch, np.random.Generator, None], Tensor]


def swept(run: Run, loss_of: LossOf) -> Generator[Progress | Partial[Happening], None, Config]:
    """The configuration with the learning rate that a sweep on a copy of the network found.

    The rate is kept in the run's folder, so that a resumed run goes on with it.
    """
    record = run.folder / "checkpoints" / "rate.json"
    if record.exists():
        rate = float(json.loads(record.read_text())["lr"])
    else:
        rate = yield from _sweep(run, loss_of)
        if run.team.leads:
            write_atomically(record, json.dumps({"lr": rate}).encode())
        yield Partial(Word("learning_rate", f"The sweep found the learning rate {rate:.1e}."))
    optimizer = run.config.optimizer.model_copy(update={"lr": rate})
    return run.config.model_copy(update={"optimizer": optimizer})


def _sweep(run: Run, loss_of: LossOf) -> Generator[Progress, None, float]:
    net = copy.deepcopy(run.net)
    trial = run.config.model_copy(
        update={"optimizer": run.config.optimizer.model_copy(update={"lr": LOW})}
    )
    optimizer = optimizer_for(net, trial)
    forward = run.team.wrap(net, run.device)
    rates, losses = np.geomspace(LOW, HIGH, STEPS), []
    smooth = 0.0
    for number, batch in enumerate(islice(_endless(run), STEPS)):
        for group in optimizer.param_groups:
            group["lr"] = rates[number]
        forward.train()
        if run.config.training.freeze_statistics:
            net.freeze_statistics()
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(forward, batch, np.random.default_rng(number), None)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), run.config.training.clip_norm or 1e9)
        optimizer.step()
        (value,) = run.team.summed(float(loss.detach()) / run.team.world)
        smooth = SMOOTH * smooth + (1 - SMOOTH) * value
        losses.append(smooth / (1 - SMOOTH ** (number + 1)))
        yield Progress(number + 1, STEPS, "finding a learning rate")
        if not math.isfinite(value) or losses[-1] > EXPLODED * min(losses):
            break
    return suggestion(rates[: len(losses)].tolist(), losses)


def suggestion(rates: list[float], losses: list[float]) -> float:
    """A tenth of the rate at which the smoothed loss was lowest."""
    finite = [value if math.isfinite(value) else math.inf for value in losses]
    return float(f"{rates[int(np.argmin(finite))] / CAUTION:.2g}")


def _endless(run: Run) -> Iterator[Batch]:
    loader = run.loader("train", training=True)
    epoch = 0
    while True:
        yield from loader.epoch(epoch)
        epoch += 1
