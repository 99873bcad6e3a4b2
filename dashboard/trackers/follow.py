"""Feeds trackers from what a run writes down, and keeps their faults from the run."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite

from pydantic import JsonValue

from dashboard.trackers.protocol import Tracker

# Says where a row belongs and is no measurement.
PLACE = frozenset({"run_id", "phase", "generation", "member", "member_id", "step"})


class Followers:
    """The trackers of one run.

    A tracker that fails is closed and dropped with one line to `warn`; the others go on.
    """

    def __init__(self, trackers: Sequence[Tracker], warn: Callable[[str], None]) -> None:
        self._trackers = list(trackers)
        self._warn = warn

    def __bool__(self) -> bool:
        """Somebody still follows."""
        return bool(self._trackers)

    def start(self, run_id: str, config: Mapping[str, JsonValue]) -> None:
        """Begin to show the run."""
        self._each(lambda tracker: tracker.start(run_id, config))

    def rows(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Log rows of metrics.jsonl or of the table `metrics`."""
        given = list(rows)
        self._each(lambda tracker: log_rows(tracker, given))

    def event(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """Show an event."""
        self._each(lambda tracker: tracker.event(kind, data))

    def close(self) -> None:
        """End; later calls have no effect."""
        self._each(lambda tracker: tracker.close())
        self._trackers = []

    def _each(self, act: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            error = _error_of(act, tracker)
            if error is not None:
                self._trackers.remove(tracker)
                _error_of(lambda failed: failed.close(), tracker)
                name = type(tracker).__name__
                self._warn(f"tracker {name} is dropped: {_one_line(error)}; the run goes on")


def log_rows(tracker: Tracker, rows: Iterable[Mapping[str, object]]) -> None:
    """Log each row that has a step and a number."""
    for row in rows:
        step, values = row.get("step"), series(row)
        if values and isinstance(step, int):
            tracker.log(step, values)


def series(row: Mapping[str, object]) -> dict[str, float]:
    """The finite numbers of a row, under the member's prefix: `l0-champion/loss`."""
    prefix = series_prefix(str(row.get("member_id", row.get("member", "run"))))
    return {
        f"{prefix}/{name}": float(value)
        for name, value in row.items()
        if name not in PLACE
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and isfinite(value)
    }


def series_prefix(member: str) -> str:
    """A member without its generation, so that a lineage is one curve: `g00012-l0-champion`
    is `l0-champion`.
    """
    return re.sub(r"^g\d+-(?=.)", "", member)


def _error_of(act: Callable[[Tracker], None], tracker: Tracker) -> BaseException | None:
    try:
        act(tracker)
    # The border: no fault of a tracker may reach the run; some of them end the process.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return error
    return None


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
