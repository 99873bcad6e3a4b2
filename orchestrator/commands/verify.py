"""`symbio-auto verify RUN`: is what the run has on disk what it claims? Disturbs no running run."""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.commands.progress_shown import sinks_of
from orchestrator.verification.check import Check, failed
from state.progress import SILENT, Reporter
from state.run_folder import RunFolder

if TYPE_CHECKING:
    from orchestrator.verification.snapshot import Snapshot

MARKS = {"ok": "ok  ", "failed": "FAIL", "skipped": "-   "}


def run(arguments: argparse.Namespace) -> int:
    """Print the checks; exit code 1 when one of them fails."""
    folder = RunFolder.from_argument(arguments.run)
    _require_run(folder)
    progress = Reporter(*sinks_of(arguments))
    checks = examine(folder, replay=arguments.replay, progress=progress)
    if arguments.json:
        print(json.dumps([check.model_dump() for check in checks]))
    else:
        for check in checks:
            print(f"{MARKS[check.status]} {check.name:18} {check.found}")
    return int(any(check.status == "failed" for check in checks))


def examine(folder: RunFolder, *, replay: bool, progress: Reporter = SILENT) -> list[Check]:
    """Every check; without a commit that can be used, those of the commits alone."""
    from orchestrator.verification.claims import check_export, check_report
    from orchestrator.verification.database import check_database
    from orchestrator.verification.files import (
        check_dataset,
        check_journals,
        check_objects,
        check_seals,
    )
    from orchestrator.verification.headline import check_headline
    from orchestrator.verification.replayed import replay_checks
    from orchestrator.verification.snapshot import settled

    checks = check_seals(folder)
    parts: dict[str, Callable[[Snapshot], list[Check]]] = {
        "objects": partial(check_objects, progress=progress),
        "dataset": check_dataset,
        "journals": check_journals,
        "database": check_database,
        "export": check_export,
        "report": check_report,
        "headline": partial(check_headline, progress=progress),
    }
    if replay:
        parts["decisions"] = lambda now: replay_checks(now.folder, now.record, progress)
    try:
        for name, part in parts.items():
            with progress.work(f"checking the {name}"):
                checks += settled(folder, part)
    except ValueError as error:
        checks.append(failed("commit", str(error)))
    return checks


def _require_run(folder: RunFolder) -> None:
    paths: tuple[Path, ...] = (folder.state, folder.state_previous)
    if not any(path.exists() for path in paths):
        raise ValueError(
            f"{folder.root} holds no run, it has no {folder.state.name}; "
            "give the folder that a run printed when it started"
        )
