"""``petvision selftest``: what works on this machine."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict

from petvision.cli.arguments import Verb, plain
from petvision.cli.exits import OK, SOME_FAILED
from petvision.terminal import BOLD, RED, YELLOW, Terminal

_SIGNS = {"passed": ("ok", BOLD), "failed": ("FAILED", RED), "absent": ("not here", YELLOW)}


def _selftest(options: Namespace, terminal: Terminal) -> int:
    from petvision.selftest import run

    counts = dict.fromkeys(_SIGNS, 0)
    for outcome in run():
        counts[outcome.state] += 1
        if options.json:
            terminal.data(json.dumps(asdict(outcome)))
        else:
            sign, colour = _SIGNS[outcome.state]
            head = f"{terminal.paint(f'{sign:8}', colour)} {outcome.name}"
            terminal.data(f"{head}: {outcome.words} ({outcome.seconds:.1f} s)")
    if not options.json:
        absent = f", {counts['absent']} not here" if counts["absent"] else ""
        terminal.data(f"{counts['passed']} passed, {counts['failed']} failed{absent}")
    return SOME_FAILED if counts["failed"] else OK


VERB = Verb("see what works on this machine", plain, _selftest)
