"""`symbio-auto train`: one model, no evolution."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.commands.new_run import prepared_beside
from orchestrator.commands.reporting import wanted_of
from orchestrator.commands.train_run import go_on, see_through, trackers_of
from orchestrator.early_workers import Start, early_workers
from orchestrator.flags import settings_of
from orchestrator.settings import Settings
from orchestrator.train_flags import TRAIN_FLAGS, TRAIN_SWITCHES
from orchestrator.train_settings import build_train_config
from state.run_folder import RunFolder

if TYPE_CHECKING:
    from orchestrator.preparation import Prepared

RUN_DIR = Path("runs/train")


def run(arguments: argparse.Namespace) -> int:
    """Start or resume; returns the exit code."""
    started_at = time.monotonic()
    given = settings_of(arguments, TRAIN_FLAGS, TRAIN_SWITCHES)
    # A missing package is refused before anything is prepared.
    trackers_of(arguments, RunFolder(RUN_DIR))
    wanted_of(arguments)
    if arguments.resume:
        if arguments.symbio_config:
            raise ValueError(
                "--resume keeps the run's settings and cannot change symbio-config; leave it out"
            )
        return go_on(arguments, given, started_at)
    with early_workers() as start:
        return see_through(_new_run(arguments, given, start), arguments, started_at)


def _new_run(arguments: argparse.Namespace, given: Settings, start: Start) -> "Prepared":
    config, warnings = build_train_config(
        given, config_file=arguments.config, symbio_file=arguments.symbio_config
    )
    for warning in warnings:
        print(f"symbio-auto: warning: {warning}", file=sys.stderr)
    prepared = prepared_beside(config, RUN_DIR, arguments, start)
    from orchestrator.stages.conclusion import Event

    events = (Event(kind="warning", data={"message": warning}) for warning in warnings)
    return prepared._replace(events=(*prepared.events, *events))
