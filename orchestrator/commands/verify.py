"""`symbio-auto verify RUN`: is what the run has on disk what it claims? Disturbs no running run."""

import argparse
import json
from pathlib import Path

from orchestrator.verification.check import Check, failed
from state.run_folder import RunFolder

MARKS = {"ok": "ok  ", "failed": "FAIL", "skipped": "-   "}


def run(arguments: argparse.Namespace) -> int:
    """Print the checks; exit code 1 when one of them fails."""
    folder = RunFolder.from_argument(arguments.run)
    _require_run(folder)
    checks = examine(folder, replay=arguments.replay)
    if arguments.json:
        print(json.dumps([check.model_dump() for check in checks]))
    else:
        for check in checks:
            print(f"{MARKS[check.status]} {check.name:18} {check.found}")
    return int(any(check.status == "failed" for check in checks))


def examine(folder: RunFolder, *, replay: bool) -> list[Check]:
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
    parts = [check_objects, check_dataset, check_journals, check_database]
    parts += [check_export, check_report, check_headline]
    if replay:
        parts.append(lambda now: replay_checks(now.folder, now.record))
    try:
        for part in parts:
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
