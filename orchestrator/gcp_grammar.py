"""The grammar of `gcp`: a machine at Google, and a run on it."""

import argparse
from pathlib import Path
from typing import TypeVar

from orchestrator.flag_values import number, whole
from orchestrator.flags import FlagGroups, add_flags
from orchestrator.reporting_flags import add_reporting, add_sample_interval
from orchestrator.settings import Settings
from orchestrator.train_flags import (
    TRAIN_FLAGS,
    TRAIN_SWITCHES,
    add_train_arguments,
    add_train_views,
)

ParserT = TypeVar("ParserT", bound=argparse.ArgumentParser)
Commands = argparse._SubParsersAction

DESCRIPTION = """\
A GPU machine at Google Cloud, rented by the hour, and a run on it. The price is
said before anything is rented, and Google itself ends the machine after
--max-hours. docs/gcp.md goes through it step by step.
"""

RUN_DESCRIPTION = """\
Rent a machine if there is none, send code and data, let the six phases run
there, show how they go, and fetch the run. It goes on when this connection
ends; symbio-auto gcp status --watch looks on again. All flags of the main job.
"""

TRAIN_DESCRIPTION = """\
The same for one model without evolution. All flags of symbio-auto train.
"""


def add_gcp(commands: "Commands[ParserT]", train_defaults: Settings) -> None:
    """Add `gcp` and its verbs."""
    gcp = commands.add_parser(
        "gcp",
        help="the same on a rented GPU: up, run, status, fetch, delete, ...",
        description=DESCRIPTION,
        usage="symbio-auto gcp VERB [FLAGS]",
    )
    verbs = gcp.add_subparsers(
        dest="verb", metavar="VERB", required=True, prog="symbio-auto gcp", parser_class=type(gcp)
    )
    up = _verb(verbs, "up", "rent a machine, or start one that is stopped")
    _add_machine(up)
    _add_run(verbs)
    _add_train(verbs, train_defaults)
    _verb(verbs, "kill", "end the run after its next commit; the machine stays")
    status = _verb(verbs, "status", "the machine, its run, and what they have cost")
    status.add_argument("--json", action="store_true")
    status.add_argument("--watch", action="store_true", help="see the run through, as gcp run does")
    _add_restarts(status)
    logs = _verb(verbs, "logs", "what the run prints")
    logs.add_argument("-f", "--follow", action="store_true", help="until the run has ended")
    _verb(verbs, "ssh", "a shell on the machine")
    fetch = _verb(verbs, "fetch", "bring the run here: checkpoint, report, everything")
    fetch.add_argument("--run", metavar="NAME", help="another than the last one")
    fetch.add_argument(
        "--into", type=Path, metavar="DIR", help="where the run's folder goes (runs)"
    )
    _verb(verbs, "stop", "stop the machine; its disk stays and costs on")
    delete = _verb(verbs, "delete", "delete the machine and its disk: nothing costs any more")
    delete.add_argument("--yes", action="store_true", help="also when the run was not fetched")


def _verb(
    verbs: "Commands[ParserT]",
    name: str,
    text: str,
    description: str | None = None,
    usage: str | None = None,
) -> ParserT:
    parser = verbs.add_parser(name, help=text, description=description, usage=usage)
    where = parser.add_argument_group("which machine")
    where.add_argument(
        "--project", metavar="ID", help="(GOOGLE_CLOUD_PROJECT, else that of your login)"
    )
    where.add_argument("--zone", metavar="ZONE", help="(us-central1-b)")
    where.add_argument("--name", metavar="NAME", help="of the machine (symbio-train)")
    return parser


def _add_machine(parser: argparse.ArgumentParser) -> None:
    """What is rented; flags of a machine that exists already have no effect."""
    kind = parser.add_argument_group("what is rented")
    kind.add_argument("--machine-type", metavar="TYPE", help="(g2-standard-4: one NVIDIA L4)")
    kind.add_argument(
        "--accelerator", metavar="GPU[:N]", help="for n1 machines, e.g. nvidia-tesla-t4:1"
    )
    kind.add_argument(
        "--spot", action="store_true", help="cheaper; may be taken away, is started again"
    )
    kind.add_argument(
        "--image",
        metavar="PROJECT/FAMILY",
        help="with drivers and Python 3.11+ (Deep Learning VM, Ubuntu 24.04)",
    )
    kind.add_argument(
        "--python", metavar="PATH", help="there, with every package (made from the lock file)"
    )
    kind.add_argument("--disk-gb", type=whole, metavar="N", help="(100)")
    kind.add_argument("--network", metavar="NAME", help="(default)")
    kind.add_argument("--ssh-key", type=Path, metavar="FILE", help="private key (one is made)")
    kind.add_argument("--ssh-user", metavar="USER", help="(symbio)")
    kind.add_argument("--ssh-port", type=whole, metavar="PORT", help="(22)")
    _add_cost(parser)


def _add_cost(parser: argparse.ArgumentParser) -> None:
    cost = parser.add_argument_group("what it may cost")
    cost.add_argument(
        "--max-hours",
        type=number,
        metavar="H",
        help="Google itself ends it then (12); a stopped one gets so many more",
    )
    cost.add_argument("--max-cost", type=number, metavar="USD", help="the same as a sum")
    cost.add_argument("--hours", type=number, metavar="H", help="expected, to be shown")
    cost.add_argument(
        "--price-per-hour", type=number, metavar="USD", help="what you pay (a dated list)"
    )
    cost.add_argument(
        "--after",
        choices=("keep", "stop", "delete"),
        help="what becomes of the machine after the run (keep)",
    )
    cost.add_argument(
        "--idle-minutes",
        type=whole,
        metavar="N",
        help="it turns itself off when unused for so long (never)",
    )
    cost.add_argument("--yes", action="store_true", help="rent without being asked")


def _add_job(parser: argparse.ArgumentParser, groups: FlagGroups) -> None:
    _add_machine(parser)
    watching = parser.add_argument_group("looking on")
    watching.add_argument("--detach", action="store_true", help="start it there and leave it alone")
    _add_restarts(watching)
    add_reporting(groups)
    groups["--resume"].add_argument(
        "--resume",
        type=Path,
        metavar="RUN",
        help="go on with a run of this machine, or with one that is there",
    )


def _add_restarts(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--max-restarts",
        type=whole,
        default=10,
        metavar="N",
        help="of a machine that was taken away (10)",
    )


def _add_run(verbs: "Commands[ParserT]") -> None:
    run = _verb(
        verbs,
        "run",
        "the six phases there",
        description=RUN_DESCRIPTION,
        usage="symbio-auto gcp run [FLAGS]",
    )
    groups = FlagGroups(run)
    add_flags(groups)
    groups["--config"].add_argument(
        "--config", type=Path, metavar="FILE", help="settings in TOML, JSON or YAML"
    )
    add_sample_interval(groups)
    _add_job(run, groups)


def _add_train(verbs: "Commands[ParserT]", defaults: Settings) -> None:
    train = _verb(
        verbs,
        "train",
        "one model there, no evolution",
        description=TRAIN_DESCRIPTION,
        usage="symbio-auto gcp train [FLAGS]",
    )
    groups = FlagGroups(train)
    add_flags(groups, TRAIN_FLAGS, TRAIN_SWITCHES, defaults)
    add_train_arguments(groups)
    add_train_views(groups)
    _add_job(train, groups)
