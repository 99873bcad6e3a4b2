"""Rows of metrics.jsonl behind a mark, and whether the mark still holds."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from pydantic import JsonValue, ValidationError

from dashboard.reporter.cursor import Mark
from state.journal import parse_line
from state.records import StepMetrics
from state.store_rows import step_row

Row = dict[str, JsonValue]

WINDOW_BYTES = 16 * 1024
MAX_LINE_BYTES = 2**20


class Read(NamedTuple):
    """What was read behind a mark."""

    rows: list[Row]
    mark: Mark
    """Behind the last row."""
    num_left: int
    """Bytes behind it."""
    num_damaged: int
    """Lines that are no rows, left out."""


class StepJournal:
    """metrics.jsonl as one looks at it from outside: it grows, and a resumption may cut it."""

    def __init__(self, path: Path, run_id: str) -> None:
        self._path, self._run_id = path, run_id

    def holds(self, mark: Mark) -> bool:
        """The bytes before the mark are those that were there when it was made."""
        if mark.num_bytes == 0:
            return True
        try:
            with self._path.open("rb") as file:
                return _digest_before(file, mark.num_bytes) == mark.sha256
        except OSError:
            return False

    def num_lines(self, mark: Mark) -> int:
        """Whole lines behind the mark."""
        try:
            with self._path.open("rb") as file:
                file.seek(mark.num_bytes)
                return sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))
        except OSError:
            return 0

    def read(self, mark: Mark, max_rows: int) -> Read | None:
        """At most `max_rows` whole lines behind the mark; None where it does not hold."""
        try:
            with self._path.open("rb") as file:
                return self._read(file, mark, max_rows)
        except FileNotFoundError:
            return Read([], mark, 0, 0) if mark.num_bytes == 0 else None

    def _read(self, file: BinaryIO, mark: Mark, max_rows: int) -> Read | None:
        rows: list[Row] = []
        end, generation, damaged = mark.num_bytes, mark.generation, 0
        file.seek(mark.num_bytes)
        for _ in range(max_rows):
            line = file.readline()
            if not line.endswith(b"\n"):
                break
            end += len(line)
            step = _step(line)
            if step is None:
                damaged += 1
                continue
            generation = max(generation, step.generation)
            rows.append(cast(Row, step_row(self._run_id, step)))
        # Looked at last: whatever was cut while the lines were read shows here.
        if mark.num_bytes and _digest_before(file, mark.num_bytes) != mark.sha256:
            return None
        sha = _digest_before(file, end) if end != mark.num_bytes else mark.sha256
        left = os.fstat(file.fileno()).st_size - end
        new = Mark(num_bytes=end, sha256=sha, generation=generation)
        return Read(rows, new, max(0, left), damaged)


def _step(line: bytes) -> StepMetrics | None:
    row = parse_line(line) if len(line) <= MAX_LINE_BYTES else None
    try:
        return None if row is None else StepMetrics.model_validate(row)
    except ValidationError:
        return None


def _digest_before(file: BinaryIO, end: int) -> str:
    """Of up to WINDOW_BYTES before `end`; of a file that is shorter, something else."""
    start = max(0, end - WINDOW_BYTES)
    file.seek(start)
    data = file.read(end - start)
    return hashlib.sha256(data).hexdigest()[:32] if len(data) == end - start else "shorter"
