"""`symbio-auto push RUN`: send a run to a server."""

import argparse
import os
import sys

from orchestrator.commands.progress_shown import sinks_of
from orchestrator.error_line import error_line
from state.progress import Reporter
from state.run_folder import RunFolder


def run(arguments: argparse.Namespace) -> int:
    """Send what the server does not have; returns the exit code.

    Raises:
        ValueError: there is no run or no server, or the server refuses the secret.
        RuntimeError: not everything could be sent.
    """
    from dashboard.reporter.destination import destination_of

    folder = RunFolder.from_argument(arguments.run)
    destination = destination_of(os.environ, arguments.to)
    if destination is None:
        raise ValueError(
            "no server is named; give --to URL, or set SYMBIO_REMOTE_URL to the address of one"
        )
    from dashboard.reporter.push import push

    num_rows = push(
        folder,
        destination,
        progress=Reporter(*sinks_of(arguments)),
        say=_complain,
        upload_checkpoint=arguments.upload_checkpoint,
    )
    print(f"sent {num_rows:,} rows; the server has all of {folder.root}")
    if arguments.upload_checkpoint:
        print("the server has the model")
    return 0


def _complain(line: str) -> None:
    print(error_line(f"symbio-auto: {line}"), file=sys.stderr)
