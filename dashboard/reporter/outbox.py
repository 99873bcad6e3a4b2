"""What a run has and a server has not, request by request."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from pydantic import JsonValue

from dashboard.reporter.cursor import Cursor, with_mark
from dashboard.reporter.journal import Read, StepJournal
from dashboard.reporter.row_keys import forgotten
from dashboard.reporter.tables import Seen, Small, SmallTables, sealed
from state import wire

Message = dict[str, JsonValue]


class Batch(NamedTuple):
    """One request, and how far the server has come once it has taken it."""

    messages: list[Message]
    num_rows: int
    num_damaged: int
    """Lines of metrics.jsonl that are no rows and were passed over."""
    after: Cursor
    rest: list[Small]
    """Small rows that are known and not in it."""
    more: bool
    """There is more to send than this."""


class Outbox:
    """The rows of one run in the order in which a server is to have them.

    A run that went back to its commit is followed there: the server forgets what lies behind it.
    """

    def __init__(
        self, tables: SmallTables, journal: StepJournal, run_id: str, cursor: Cursor
    ) -> None:
        self._tables, self._journal, self._run_id = tables, journal, run_id
        self._seen: Seen | None = None
        self.cursor = cursor

    def begin_again(self) -> None:
        """The server has lost everything."""
        self.cursor, self._seen = Cursor(), None

    def look_again(self) -> None:
        """Compare the store with what is acknowledged, once more."""
        self._seen = None

    def next(self, most_rows: int, overlay: Mapping[str, JsonValue]) -> Batch:
        """What comes next; `overlay` are columns of the run's own row.

        Raises:
            ValueError: the store cannot be read.
            OSError: a file cannot be read.
        """
        seen = self._look(overlay)
        if seen.gone_after is not None:
            self._go_back(seen.gone_after)
        while (read := self._journal.read(self.cursor.mark, most_rows)) is None:
            self._go_back(self.cursor.mark.generation)
        seen = self._look(overlay)
        return self._batch(seen, read, most_rows)

    def taken(self, batch: Batch) -> None:
        """The server has it."""
        self.cursor = batch.after
        assert self._seen is not None
        done = not batch.rest and self._seen.more
        self._seen = None if done else self._seen._replace(changed=batch.rest)

    def num_left(self) -> int:
        """Rows that are known and not acknowledged."""
        small = len(self._seen.changed) if self._seen else 0
        return small + self._journal.num_lines(self.cursor.mark)

    def _batch(self, seen: Seen, read: Read, most_rows: int) -> Batch:
        num_small = min(len(seen.changed), max(most_rows // 2, most_rows - len(read.rows)))
        if len(read.rows) + num_small > most_rows:
            fewer = self._journal.read(self.cursor.mark, most_rows - num_small)
            read = fewer or read
        small, rest = seen.changed[:num_small], seen.changed[num_small:]
        after = _acknowledged(self.cursor, small, read)
        return Batch(
            messages=self._messages(small, read),
            num_rows=len(small) + len(read.rows),
            num_damaged=read.num_damaged,
            after=after if rest else sealed(after, seen),
            rest=rest,
            more=read.num_left > 0 or bool(rest) or seen.more,
        )

    def _look(self, overlay: Mapping[str, JsonValue]) -> Seen:
        if self._seen is None:
            self._seen = self._tables.look(self._run_id, self.cursor, overlay)
        return self._seen

    def _go_back(self, generation: int) -> None:
        """To the newest mark that holds and has nothing behind `generation` before it."""
        marks = list(self.cursor.marks)
        while len(marks) > 1 and not (
            marks[-1].generation <= generation and self._journal.holds(marks[-1])
        ):
            marks.pop()
        reached = marks[-1].generation
        cursor = forgotten(self.cursor, reached)
        earlier = cursor.forget_after
        update = {
            "marks": tuple(marks),
            "forget_after": reached if earlier is None else min(reached, earlier),
        }
        self.cursor = cursor.model_copy(update=update)
        self.look_again()

    def _messages(self, small: Sequence[Small], read: Read) -> list[Message]:
        """The run itself first; the steps stand in front of what was concluded from them."""
        grouped = [
            (table, wire.rows(table, self._run_id, [one.row for one in rows]))
            for table, rows in groupby(small, key=lambda one: one.table)
        ]
        behind = self.cursor.forget_after
        return [
            *([] if behind is None else [wire.forget(self._run_id, behind)]),
            *(message for table, message in grouped if table == "runs"),
            *([wire.rows("metrics", self._run_id, read.rows)] if read.rows else []),
            *(message for table, message in grouped if table != "runs"),
        ]


def _acknowledged(cursor: Cursor, small: Sequence[Small], read: Read) -> Cursor:
    update = {
        "rows": {**cursor.rows, **{one.key: one.digest for one in small}},
        "marks": with_mark(cursor.marks, read.mark),
        "num_rows": cursor.num_rows + len(small) + len(read.rows),
        "forget_after": None,
    }
    return cursor.model_copy(update=update)
