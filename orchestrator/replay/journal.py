"""The results that a commit stands on, read from `results.jsonl`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from orchestrator.intervention import Intervention
from state.commit import CommitRecord
from state.results import (
    BaselineResult,
    BatteryResult,
    EnsembleResult,
    EvaluationResult,
    SampleResult,
    TrainingResult,
)
from state.run_folder import RunFolder

Row = (
    TrainingResult
    | EvaluationResult
    | EnsembleResult
    | BatteryResult
    | SampleResult
    | BaselineResult
    | Intervention
)

_ROW: TypeAdapter[Row] = TypeAdapter(Annotated[Row, Field(discriminator="kind")])
FIRST_GENERATION = "g00000-"
OLD_BATTERY = re.compile(r"^g\d+-p\d+-battery$")
"""Id of the one battery of a phase, before every champion had its own."""
T = TypeVar("T")


class IncompleteResults(ValueError):  # noqa: N818
    """The results do not reach back to the beginning of the run."""


def committed_rows(folder: RunFolder, record: CommitRecord) -> tuple[Row, ...]:
    """The rows up to the commit; what was appended after it is left out.

    Raises:
        IncompleteResults: an earlier version began the run.
        ValueError: the file is too short, or a line of it is damaged.
    """
    path = folder.results_jsonl
    if path.name not in record.journal_bytes:
        raise IncompleteResults(
            f"{folder.root} has no {path.name}, it was last run by a version that kept no "
            "results; it can be resumed, not replayed"
        )
    rows = tuple(committed_records(path, record.journal_bytes[path.name], _ROW))
    _require_beginning(path, rows)
    return rows


def require_this_battery(folder: RunFolder, rows: Sequence[Row]) -> None:
    """Refuse to replay gates that were judged by another battery.

    Raises:
        IncompleteResults: an earlier version tried one champion a phase, with other probes.
    """
    for row in rows:
        if isinstance(row, BatteryResult) and OLD_BATTERY.match(row.task_id):
            raise IncompleteResults(
                f"{folder.root} was judged by an earlier version's battery ({row.task_id}); it can "
                "be resumed, not replayed"
            )


def committed_lines(path: Path, num_bytes: int) -> list[bytes]:
    """The lines in the first `num_bytes` of a journal, which may be growing.

    Raises:
        ValueError: it is shorter, or does not end a line there.
    """
    data = b""
    if path.exists():
        with path.open("rb") as file:
            data = file.read(num_bytes)
    if len(data) < num_bytes:
        raise ValueError(
            f"{path} has {len(data)} bytes, the commit says {num_bytes}; its last rows are lost"
        )
    if data and not data.endswith(b"\n"):
        raise ValueError(f"{path} ends no line at byte {num_bytes}, as the commit says it does")
    return data.splitlines(keepends=True)


def committed_records(path: Path, num_bytes: int, kind: TypeAdapter[T]) -> list[T]:
    """The lines in the first `num_bytes` of a journal as records.

    Raises:
        ValueError: it is too short, or a line of it is damaged.
    """
    lines = enumerate(committed_lines(path, num_bytes), 1)
    return [_parsed(path, number, line, kind) for number, line in lines]


def _parsed(path: Path, number: int, line: bytes, kind: TypeAdapter[T]) -> T:
    try:
        return kind.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(
            f"{path} line {number} is damaged ({where}: {first['msg']}); restore it from a copy"
        ) from None


def _require_beginning(path: Path, rows: tuple[Row, ...]) -> None:
    first = next((row for row in rows if not isinstance(row, Intervention)), None)
    if first is not None and not first.task_id.startswith(FIRST_GENERATION):
        raise IncompleteResults(
            f"{path} begins with {first.task_id}: what came before was run by a version that "
            "kept no results; the run can be resumed, not replayed"
        )
