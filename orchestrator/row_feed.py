"""A listener that passes on what a run writes down: its steps and its events."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from state.journal import JournalTail

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
        self._metrics = JournalTail(metrics, position)
        self._rows, self._event = rows, event

    def hear(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """Pass on the new rows, then the event."""
        self._rows(list(self._metrics.read()))
        self._event(kind, data)
