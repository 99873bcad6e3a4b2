"""Who is told of a run while it goes on: a server, people, or nobody."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orchestrator.closed_pipe import print_nowhere
from orchestrator.commands.progress_shown import run_sinks
from state.progress import Reporter
from state.run_folder import RunFolder

if TYPE_CHECKING:
    from dashboard.reporter.launch import Wanted

SAMPLE_INTERVAL = 300
"""Steps; of a message with samples where nothing is said."""


class Leaving:
    """How a run is left."""

    in_a_hurry = True
    """Nothing is waited for: an error, a second Ctrl-C, a machine that is taken away."""


def wanted_of(arguments: argparse.Namespace) -> "Wanted | None":
    """Who is to be told; None for nobody. Nothing is begun yet.

    Raises:
        ValueError: an address or a secret cannot be used.
    """
    from dashboard.reporter.launch import wanted

    given = vars(arguments)
    interval = given.get("train.sample_interval", given.get("sample_interval", SAMPLE_INTERVAL))
    return wanted(
        os.environ,
        notify=given.get("notify", []),
        no_notify=given.get("no_notify", False),
        no_remote=given.get("no_remote", False),
        upload_checkpoint=given.get("upload_checkpoint", False),
        sample_interval=interval,
    )


@contextmanager
def reported(folder: RunFolder, arguments: argparse.Namespace) -> Iterator[Leaving]:
    """A reporter beside the run in the block, for whoever wants one."""
    asked, leaving = wanted_of(arguments), Leaving()
    if asked is None:
        yield leaving
        return
    from dashboard.reporter.launch import WAIT_SECONDS, Companion

    companion = Companion.start(asked, folder)
    if not companion.is_started:
        _say("no process could be started to report this run; it goes on without", arguments)
    line = ""
    try:
        yield leaving
    finally:
        with Reporter(*run_sinks(arguments)).work("waiting for the reporter to send the rest"):
            line = companion.leave(0 if leaving.in_a_hurry else WAIT_SECONDS)
        if line:
            _say(line, arguments)


def _say(line: str, arguments: argparse.Namespace) -> None:
    """Beside JSON on the error stream; to a terminal or a pipe that may be gone by now."""
    try:
        print(line, file=sys.stderr if arguments.json else sys.stdout, flush=True)
    except BrokenPipeError:
        print_nowhere()
