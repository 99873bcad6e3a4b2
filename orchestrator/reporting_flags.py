"""The flags that say who is told of a run, and the grammar of `push`."""

import argparse
from pathlib import Path
from typing import TypeVar

from orchestrator.flag_values import whole
from orchestrator.flags import FlagGroups

ParserT = TypeVar("ParserT", bound=argparse.ArgumentParser)

PUSH_DESCRIPTION = """\
Send a run to a server, from where the server stands: after a run that had no
connection, or to a server that never heard of it. A run may be going on.

environment:
  SYMBIO_REMOTE_URL      address of the server, where there is no --to
  SYMBIO_REMOTE_SECRET   the secret that the server was started with
"""


def add_reporting(groups: FlagGroups) -> None:
    """To the main job or to `train`, whose own --sample-interval is a setting."""
    for flag in ("--notify", "--no-notify", "--no-remote", "--upload-checkpoint"):
        _add(groups[flag], flag)


def add_sample_interval(groups: FlagGroups) -> None:
    """To the main job."""
    _add(groups["--sample-interval"], "--sample-interval")


def add_reporting_to(parser: argparse.ArgumentParser) -> None:
    """To a command that goes on with a run."""
    for flag in ("--notify", "--no-notify", "--no-remote", "--upload-checkpoint"):
        _add(parser, flag)
    _add(parser, "--sample-interval")


def add_push(commands: "argparse._SubParsersAction[ParserT]") -> None:
    """Add the command."""
    push = commands.add_parser("push", help="send a run to a server", description=PUSH_DESCRIPTION)
    push.add_argument("run", type=Path, metavar="RUN", help="a run's folder or state.json")
    push.add_argument("--to", metavar="URL", help="address of the server (SYMBIO_REMOTE_URL)")
    _add(push, "--upload-checkpoint")


def _add(container: argparse._ActionsContainer, flag: str) -> None:
    match flag:
        case "--notify":
            container.add_argument(
                flag,
                action="append",
                default=[],
                metavar="URL",
                help="an Apprise address to tell; again for more; or SYMBIO_NOTIFY_URLS",
            )
        case "--no-notify":
            container.add_argument(
                flag, action="store_true", help="tell nobody, whatever the environment says"
            )
        case "--no-remote":
            container.add_argument(
                flag, action="store_true", help="report to no server, despite SYMBIO_REMOTE_URL"
            )
        case "--upload-checkpoint":
            container.add_argument(
                flag, action="store_true", help="send the model to the server as well"
            )
        case _:
            container.add_argument(
                flag,
                type=whole,
                default=300,
                metavar="N",
                help="steps between samples in messages, 0 for none (300)",
            )
