"""A listener that passes on what a run writes down: its steps and its events."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from state.journal import parse_line

Row = dict[str, JsonValue]


class RowFeed:
    """Reads what metrics.jsonl has gained whenever an event is told.

    The rows of a chunk are written before the events that tell of it.
    """

    def __init__(
        self,
        metrics: Path,
        position: int,
        rows: Callable[[Sequence[Row]], None],
        event: Callable[[str, Mapping[str, JsonValue]], None],
    ) -> None:
        """`position` is the length of the file when the run begins or goes on."""
        self._metrics, self._position = metrics, position
        self._rows, self._event = rows, event

    def hear(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """Pass on the new rows, then the event."""
        self._rows(list(self._new_rows()))
        self._event(kind, data)

    def _new_rows(self) -> Iterator[Row]:
        """Whole lines only; one that is being written waits."""
        if not self._metrics.exists():
            return
        with self._metrics.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._position += len(line)
                if (row := parse_line(line)) is not None:
                    yield row
