"""`symbio-auto train`: one model, no evolution."""

import argparse
import sys
import time
from pathlib import Path

from orchestrator.commands.progress_shown import run_sinks
from orchestrator.commands.train_run import free_folder, go_on, see_through, trackers_of
from orchestrator.flags import settings_of
from orchestrator.preparation import Prepared, prepare_run
from orchestrator.settings import Settings
from orchestrator.stages.conclusion import Event
from orchestrator.train_flags import TRAIN_FLAGS, TRAIN_SWITCHES
from orchestrator.train_settings import build_train_config
from state.run_folder import RunFolder

RUN_DIR = Path("runs/train")


def run(arguments: argparse.Namespace) -> int:
    """Start or resume; returns the exit code."""
    started_at = time.monotonic()
    given = settings_of(arguments, TRAIN_FLAGS, TRAIN_SWITCHES)
    # A missing package is refused before anything is prepared.
    trackers_of(arguments, RunFolder(RUN_DIR))
    if arguments.resume:
        if arguments.symbio_config:
            raise ValueError(
                "--resume keeps the run's settings and cannot change symbio-config; leave it out"
            )
        return go_on(arguments, given, started_at)
    return see_through(_start(arguments, given), arguments, started_at)


def _start(arguments: argparse.Namespace, given: Settings) -> Prepared:
    config, warnings = build_train_config(
        given, config_file=arguments.config, symbio_file=arguments.symbio_config
    )
    for warning in warnings:
        print(f"symbio-auto: warning: {warning}", file=sys.stderr)
    if "run_dir" not in config.model_fields_set:
        config = config.model_copy(update={"run_dir": str(free_folder(RUN_DIR))})
    prepared = prepare_run(config, *run_sinks(arguments))
    events = (Event(kind="warning", data={"message": warning}) for warning in warnings)
    return prepared._replace(events=(*prepared.events, *events))
