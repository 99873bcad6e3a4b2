"""What is under way, for whoever typed a command: a bar on the error stream, or lines.

Nothing of it goes to the standard output, where results are read by other programs.
"""

import argparse
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from state.progress import INTERVAL_SECONDS, Progress, ProgressFile, Sink

if TYPE_CHECKING:
    from rich.live import Live

FIRST_LINE_SECONDS = 2.0
"""Shorter work is not worth a line."""
LINE_SECONDS = 10.0
"""Between two lines of the same kind of work."""


def in_words(progress: Progress, now: datetime) -> str:
    """One line: `tokenising the train split: 12.1/18.0 MB, 67%, 8 s left`."""
    from dashboard.terminal.figures import printable
    from dashboard.terminal.progress import amount

    share = progress.share
    facts = (amount(progress), "" if share is None else f"{share:.0%}", _time(progress, now))
    return f"{printable(progress.what)}: {', '.join(fact for fact in facts if fact)}"


def sinks_of(arguments: argparse.Namespace) -> tuple[Sink, ...]:
    """How a command shows what it does: to a terminal only, and never beside JSON."""
    if getattr(arguments, "json", False) or not sys.stderr.isatty():
        return ()
    plain = getattr(arguments, "plain", False) or os.environ.get("NO_COLOR")
    return (Lines(),) if plain or os.environ.get("TERM") == "dumb" else (Bar(),)


def run_sinks(arguments: argparse.Namespace) -> tuple[Sink, ...]:
    """How a run shows what comes before its live view, or in place of it; lines in a pipe too."""
    if arguments.json:
        return ()
    if arguments.plain or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return (Lines(),)
    return sinks_of(arguments)


class Lines:
    """A line when work has taken FIRST_LINE_SECONDS, then one every LINE_SECONDS."""

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self._say = say or _to_stderr
        self._what = ""
        self._said_at: datetime | None = None

    def write(self, progress: Progress) -> None:
        """Say it, if it is time."""
        now = progress.updated_at
        if (now - progress.started_at).total_seconds() < FIRST_LINE_SECONDS:
            return
        since = None if self._said_at is None else (now - self._said_at).total_seconds()
        if progress.what != self._what or since is None or since >= LINE_SECONDS:
            self._what, self._said_at = progress.what, now
            self._say(in_words(progress, now))

    def remove(self) -> None:
        """What was said stays."""


class Bar:
    """A line that is gone when the work is over. It is drawn when somebody writes to it: there is
    no thread that could outlive the work or be forked.
    """

    def __init__(self) -> None:
        self._live: Live | None = None

    def write(self, progress: Progress) -> None:
        """Draw it; a terminal that is gone is left alone."""
        from dashboard.terminal.progress import progress_line

        with _unharmed():
            if self._live is None:
                self._live = _live()
                self._live.start()
            width = self._live.console.width - 1
            now = progress.updated_at
            line = progress_line(progress, progress.seconds_left(now), width)
            if progress.share is None:
                line.append(f"  {_time(progress, now)}")
            self._live.update(line, refresh=True)

    def remove(self) -> None:
        """Give the line back."""
        live, self._live = self._live, None
        if live is not None:
            with _unharmed():
                live.stop()


@contextmanager
def following(file: ProgressFile, sink: Sink) -> Iterator[None]:
    """Show what others write to the file, from a thread."""
    over = threading.Event()

    def follow() -> None:
        while not over.wait(INTERVAL_SECONDS):
            progress = file.read()
            if progress is not None:
                sink.write(progress)

    thread = threading.Thread(target=follow, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _time(progress: Progress, now: datetime) -> str:
    """What is left where that can be said, else what it has taken."""
    from dashboard.terminal.figures import duration

    left = progress.seconds_left(now)
    if left is not None:
        return f"{duration(left)} left"
    return f"{duration((now - progress.started_at).total_seconds())} so far"


def _live() -> "Live":
    from rich.console import Console
    from rich.live import Live

    return Live(
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
        # What is printed meanwhile stands above the line, unless it is meant for a pipe.
        redirect_stdout=sys.stdout.isatty(),
    )


def _to_stderr(line: str) -> None:
    with _unharmed():
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


@contextmanager
def _unharmed() -> Iterator[None]:
    """A border: no fault of what shows the work may reach it. Rich exits on a broken pipe."""
    with suppress(Exception, SystemExit):
        yield
