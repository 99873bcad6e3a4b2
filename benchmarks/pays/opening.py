"""Opening the test split: what finished runs measured on it is told, each by a line of the log."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from benchmarks.pays.place import Place, Result
from benchmarks.recording import commit
from state.durable import append


def open_test(place: Place, reason: str, only: str = "") -> None:
    """Log every finished run that is not open yet; from then on its result has its test figure."""
    opened = place.opened()
    for key in place.sealed():
        if key.startswith(only) and key not in opened:
            log_opening(place, key, reason)
            print(f"{key}: opened", flush=True)


def log_opening(place: Place, key: str, reason: str) -> None:
    """Written before anything is told."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"at": at, "run": key, "reason": reason, "commit": commit()})
    append(place.openings, f"{line}\n".encode())


def results_to_tell(place: Place) -> Mapping[str, Result]:
    """By key, every result, those that are open with what they measured on test."""
    sealed = place.sealed()
    open_keys = place.opened() & sealed.keys()
    results = place.all_results()
    return {key: one | (sealed[key] if key in open_keys else {}) for key, one in results.items()}
