"""Opening the test split: the finale of every run that is there, and a line in the log for each."""

import json
import sys
from datetime import UTC, datetime

from benchmarks.pays.place import Place, Result
from benchmarks.pays.record import measured
from benchmarks.recording import commit
from orchestrator import cli
from orchestrator.commits import restore
from state.commit import load_commit
from state.durable import append
from state.run_folder import RunFolder


def open_test(place: Place, reason: str, only: str = "") -> None:
    """Let every finished run end by itself, and keep what it measured. What has a test figure is
    not opened again.
    """
    for key, result in place.all_results().items():
        if "failed" in result or "test" in result or not key.startswith(only):
            continue
        with place.claimed(key) as is_ours:
            if is_ours:
                log_opening(place, key, reason)
                place.keep(key, result | ended(place.run(key)))
                print(f"{key}: opened", flush=True)


def log_opening(place: Place, key: str, reason: str) -> None:
    """Written before the split is read: an opening that fails is one too."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"at": at, "run": key, "reason": reason, "commit": commit()})
    append(place.openings, f"{line}\n".encode())


def ended(folder: RunFolder) -> Result:
    """Go on with the run as a user would, to its report; its figure on test.

    Raises:
        SystemExit: it did not come to its end.
    """
    code = cli.main(["--resume", str(folder.state), "--plain"])
    state = restore(load_commit(folder, verify_objects=False).record).run
    if state.final is None or state.final.test is None:
        print(f"{folder.root} did not end", file=sys.stderr)
        raise SystemExit(code or 1)
    return {"test": measured(state.final.test), "test_openings": state.test_openings}
