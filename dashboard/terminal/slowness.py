"""What the clock says of a run that is going on. It stands in log.txt alone: it is no part of
what a replay has to give again, and so not in the store.
"""

from pathlib import Path

from pydantic import JsonValue

from state.journal import parse_line

Row = dict[str, JsonValue]


class SlownessLog:
    """Follows a log for what is slow now; a line that is being written waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._standing: dict[str, Row] = {}

    def read(self) -> tuple[Row, ...]:
        """The events that still hold: those of the phase that is going on, less recoveries."""
        if not self._path.exists():
            return ()
        with self._path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._position += len(line)
                if (row := parse_line(line)) is not None:
                    self._hear(row)
        return tuple(self._standing.values())

    def _hear(self, row: Row) -> None:
        match row.get("kind"):
            case "phase_slow" | "throughput_collapse" as kind:
                self._standing[kind] = row
            case "throughput_recovered":
                self._standing.pop("throughput_collapse", None)
            case "phase_started" | "finished":
                self._standing.clear()
            case _:
                pass
