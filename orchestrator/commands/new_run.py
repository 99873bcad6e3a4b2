"""A new run made ready in a folder of its own."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.claim import is_taken
from orchestrator.commands.progress_shown import run_sinks
from orchestrator.early_workers import Start
from orchestrator.first_look import first_look
from orchestrator.in_cluster import placed_run
from state.run_folder import RunFolder
from state.run_lock import InUse

if TYPE_CHECKING:
    from orchestrator.config import RunConfig
    from orchestrator.preparation import Prepared


def prepared_beside(
    config: "RunConfig", folder: Path, arguments: argparse.Namespace, start: Start
) -> "Prepared":
    """The new run made ready while its workers start; in a free `folder` if it names none."""
    is_named = "run_dir" in config.model_fields_set
    config = placed_run(config if is_named else _in_free(folder, config))
    start(first_look(config).config.engine)
    from orchestrator.preparation import prepare_run

    while True:
        try:
            return prepare_run(config, *run_sinks(arguments))
        except InUse:
            if is_named:
                raise
            config = _in_free(folder, config)


def _in_free(wanted: Path, config: "RunConfig") -> "RunConfig":
    """In `wanted`, or the first numbered folder beside it that is not taken."""
    number, folder = 1, wanted
    while is_taken(RunFolder(folder)):
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return config.model_copy(update={"run_dir": str(folder)})
