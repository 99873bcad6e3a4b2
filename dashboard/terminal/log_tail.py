"""What the rows of a run's log say of the clock."""

from datetime import datetime

from pydantic import JsonValue

Row = dict[str, JsonValue]


class Slowness:
    """What the clock says of a run that is going on. It stands in log.txt alone: it is no part of
    what a replay has to give again, and so not in the store.
    """

    def __init__(self) -> None:
        self._standing: dict[str, Row] = {}

    @property
    def standing(self) -> tuple[Row, ...]:
        """The events that still hold: those of the phase that is going on, less recoveries."""
        return tuple(self._standing.values())

    def hear(self, row: Row) -> None:
        """One more row of the log."""
        match row.get("kind"):
            case "phase_slow" | "throughput_collapse" as kind:
                self._standing[kind] = row
            case "throughput_recovered":
                self._standing.pop("throughput_collapse", None)
            case "phase_started" | "finished":
                self._standing.clear()
            case _:
                pass


class WorkingTime:
    """How long a run has been worked on: no pause counts, and no time between two sessions.

    A session that was killed counts up to its last row.
    """

    def __init__(self) -> None:
        self._worked = 0.0
        self._last: datetime | None = None
        self._kind = ""
        self.whole = False
        """The log begins where the run began, so that all its steps were made in this time."""

    def hear(self, row: Row) -> None:
        """One more row of the log."""
        at = _time(row)
        if at is None:
            return
        kind = str(row.get("kind"))
        if self._last is None:
            self.whole = kind == "started"
        elif kind not in {"started", "resumed", "went_on"}:
            self._worked += max(0.0, (at - self._last).total_seconds())
        self._last, self._kind = at, kind

    def seconds(self, now: datetime, *, working: bool) -> float | None:
        """Until now; None before the first row. `working`: a process is at it."""
        if self._last is None:
            return None
        open_end = working and self._kind not in {"paused", "finished"}
        return self._worked + (max(0.0, (now - self._last).total_seconds()) if open_end else 0.0)


def _time(row: Row) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(row.get("at")))
    except ValueError:
        return None
    return at if at.tzinfo else None
