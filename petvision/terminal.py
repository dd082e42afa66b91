"""The command line's voice: data on standard output, people's words and bars on standard error."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO, TypeVar

from petvision.errors import OutputError
from petvision.events import Partial, Progress, Result

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")

RED, YELLOW, BOLD = "31", "33", "1"


class Bar(Protocol):
    """What a long job tells of its progress."""

    def update(self, n: float) -> object:
        """Count ``n`` more units done."""


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w")


class Terminal:
    """Writes lines for programs to ``out``, sentences and progress for people to ``err``.

    Colour and bars appear only where the stream is a terminal; ``NO_COLOR`` and ``TERM=dumb``
    switch colour off, ``quiet`` everything for people but errors.
    """

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None):
        # A windowed program on Windows has neither of the two.
        self.out = out or sys.stdout or _nowhere()
        self.err = err or sys.stderr or _nowhere()
        self.quiet = False
        self.patience = 1.0  # seconds of work before a bar appears
        self._bar: tqdm[object] | None = None

    def data(self, line: str) -> None:
        """Write a line of data, at once, so that a reading program can go on with it.

        Raises:
            OutputError: when the disk behind standard output is full or gone.
            BrokenPipeError: when nobody reads on.
        """
        if self._bar is not None and self.out.isatty():
            self._bar.clear()
        try:
            self.out.write(line + "\n")
            self.out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise OutputError("no_space", "standard output") from None
            raise OutputError("read_only", "Standard output", reason=error.strerror) from None

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Write lines of data whose cells stand below each other; a row may be shorter."""
        widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
        for row in rows:
            cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=False))
            self.data("  ".join(cells).rstrip())

    def say(self, sentence: str) -> None:
        """Tell a person something they may skip."""
        if not self.quiet:
            self._tell(sentence)

    def complain(self, sentence: str) -> None:
        """Tell a person what went wrong, even when ``quiet``."""
        self._tell(f"{self.paint('petvision:', RED, self.err)} {sentence}")

    def paint(self, text: str, colour: str, stream: TextIO | None = None) -> str:
        """Return the text in a colour where the stream (``out``) shows colours."""
        if not _shows_colour(stream or self.out):
            return text
        return f"\x1b[{colour}m{text}\x1b[0m"

    def bar(self, unit: str, total: int | None = None) -> AbstractContextManager[Bar]:
        """Show a bar with rate and time left while the block runs (on a terminal only).

        ``unit`` names what is counted: "photo", "window", "B" for bytes.
        """
        return self._tqdm(unit, total)

    @contextmanager
    def _tqdm(self, unit: str, total: int | None = None) -> Iterator[tqdm[object]]:
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # no thread beside ours
        with tqdm(
            total=total,
            unit=unit if unit == "B" else f" {unit}",
            unit_scale=unit == "B",
            file=self.err,
            disable=self.quiet or not self.err.isatty(),
            delay=self.patience,
            dynamic_ncols=True,
            leave=False,
        ) as bar:
            self._bar = bar
            try:
                yield bar
            finally:
                self._bar = None

    def follow(
        self, job: Iterator[Progress | Partial[Any] | Result[T]], unit: str, head: str = ""
    ) -> T:
        """Drive a long job to its end under a bar and return its result.

        ``head`` stands before the words of each stage of the job; the bar starts anew with each.

        Raises:
            RuntimeError: when the job ends without a result (a bug in the job).
        """
        with self._tqdm(unit) as bar:
            stage, done = ("", 0), 0
            for event in job:
                if isinstance(event, Result):
                    return event.value
                if isinstance(event, Progress):
                    if (event.words, event.total) != stage:
                        stage, done = (event.words, event.total), 0
                        bar.set_description_str(f"{head}{event.words}", refresh=False)
                        bar.reset(event.total or None)
                    bar.update(event.done - done)
                    done = event.done
        raise RuntimeError("the job ended without a result")

    def _tell(self, sentence: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        self.err.write(sentence + "\n")
        self.err.flush()


def percent(share: float) -> str:
    """A share of 1 in words, which never claims certainty: at most "over 99.9 %"."""
    if share > 0.999:
        return "over 99.9 %"
    if share < 0.001:
        return "under 0.1 %"
    return f"{100 * share:.1f} %"


def _shows_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def crash_report(bug: Exception) -> str:
    """Write down what a developer needs to mend a bug, and say where it is."""
    import platform
    import time
    import traceback

    import platformdirs

    from petvision import __version__

    folder = platformdirs.user_log_path("petvision", appauthor=False)
    path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    where = f"PetVision {__version__}, Python {platform.python_version()}, {platform.platform()}"
    text = "".join([where, "\n\n", *traceback.format_exception(bug)])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", "backslashreplace")
    except OSError:  # nowhere to write: then here, rather than lost
        return f"Its report:\n{text}"
    return f"What happened is written in {path}; please send it with a report."


def write_any_text() -> None:
    """Let standard output carry any name: "?" where the locale lacks a character."""
    if hasattr(sys.stdout, "reconfigure"):  # not under a test's capture
        sys.stdout.reconfigure(errors="replace")
