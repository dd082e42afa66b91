"""``petvision predict``: what is on photos."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING

from petvision.cli.arguments import Verb, judging
from petvision.cli.photos import opened, outcome, sources_of, tell_error
from petvision.terminal import BOLD, YELLOW, Terminal, percent

if TYPE_CHECKING:
    from petvision.images.types import Source
    from petvision.models.results import Prediction


def _predict(options: Namespace, terminal: Terminal) -> int:
    from petvision.models.engine import for_many
    from petvision.models.stream import MANY, answers, one_by_one

    handle = opened(options)
    sources, total = sources_of(options)
    # Whoever writes names to our standard input may wait for one's answer before the next.
    judged = answers if total is not None else one_by_one
    if total is not None and total >= MANY:
        handle = for_many(handle)
    done = failed = 0
    with terminal.bar("photo", total) as bar:
        for answer in judged(handle, sources, unknown=options.unknown):
            done += 1
            failed += answer.error is not None
            bar.update(1)
            if answer.error is not None:
                tell_error(answer.source, answer.error, options, terminal)
            elif answer.prediction is not None:
                _tell_prediction(answer.source, answer.prediction, options, terminal)
    return outcome(done, failed, terminal)


def _tell_prediction(
    source: Source, prediction: Prediction, options: Namespace, terminal: Terminal
) -> None:
    if options.json:
        from petvision.reports.prediction import prediction_json

        terminal.data(json.dumps(prediction_json(source, prediction)))
    else:
        terminal.data(_in_words(source, prediction, terminal))


def _in_words(source: Source, prediction: Prediction, terminal: Terminal) -> str:
    best = f"{prediction.best_class}, {percent(prediction.confidence)}"
    if not prediction.unknown:
        return f"{source.label}: {terminal.paint(best, BOLD)}"
    reason = (
        f"it is unlike the photos the model knows (strangeness {prediction.unknown_score:.2f}, "
        f"where {prediction.unknown_threshold:.2f} is the most); the nearest class is {best}"
    )
    return f"{source.label}: {terminal.paint('unknown', YELLOW)}: {reason}"


VERB = Verb("say what is on photos", judging, _predict)
