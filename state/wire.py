"""The messages by which a run is reported, shared by those who send and those who receive.

`{"type": TABLE, "run_id": ID, "rows": [...]}` holds rows by the table's columns,
`{"type": "batch", "messages": [...]}` several messages that become visible at once,
`{"type": "forget", "run_id": ID, "generation": N}` removes what lies behind a generation, and
`{"type": "heartbeat", "run_id": ID}` says that the run is alive.

Messages of other senders are understood as well: `runId`, rows under the type's own name, a
singular type, names in camel case, and metrics rows that have nothing but a step as their key.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from pydantic import JsonValue
from sqlalchemy import Table

from state import schema, store_rows
from state.store_rows import Row
from state.wire_cells import KEY_CHARACTERS, BadMessage, Check, check_of

__all__ = [
    "TABLES",
    "BadMessage",
    "Forget",
    "Heartbeat",
    "Message",
    "Rows",
    "batch",
    "forget",
    "heartbeat",
    "parse",
    "require_run_id",
    "rows",
]

Document = dict[str, JsonValue]

MOST_MESSAGES = 1000
"""In a batch."""
_RUN_ID = re.compile(rf"[^\x00-\x1f\x7f/\\\ud800-\udfff]{{1,{KEY_CHARACTERS}}}")

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in schema.METADATA.sorted_tables
    if table not in {schema.CHECKPOINTS, schema.REPORTS}
}
"""What can be reported, by name."""

_DEFAULTS: Mapping[str, JsonValue] = {"generation": 0, "member": "run", "phase": "training"}
"""Of keys, and of the phase, where a sender has no such thing."""

_READ_BACK: Mapping[str, Callable[..., object]] = {
    "phases": lambda row: store_rows.phase_summary(row["phase"], row, ()),
    "generations": store_rows.generation_of,
    "members": store_rows.member_of,
    "findings": store_rows.finding_of,
    "decisions": store_rows.decision_of,
    "samples": store_rows.sample_of,
    "events": store_rows.event_of,
    "synchrony": store_rows.synchrony_of,
    "batteries": store_rows.battery_of,
    "ledger": store_rows.ledger_of,
}
"""What a reader will make of a row: a row of which it could make nothing is refused."""


@dataclass(frozen=True)
class Rows:
    """Rows of one table of one run; each replaces the one with its key."""

    table: Table
    run_id: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class Forget:
    """The run went back: what later generations left is not true any more."""

    run_id: str
    generation: int
    phase_begun: int = -1
    """As of `MetricsStore.forget_after`."""


@dataclass(frozen=True)
class Heartbeat:
    """The run is alive."""

    run_id: str


Message = Rows | Forget | Heartbeat

Plan = tuple[tuple[str, str, Check], ...]
"""(name as given, column, its check) of what a table has."""


def rows(table: str, run_id: str, of_table: Sequence[Mapping[str, JsonValue]]) -> Document:
    """A message with rows of a table, by column."""
    return {"type": table, "run_id": run_id, "rows": [dict(row) for row in of_table]}


def batch(messages: Sequence[Document]) -> Document:
    """A message with several that become visible at once, in their order."""
    return {"type": "batch", "messages": list(messages)}


def forget(run_id: str, generation: int, phase_begun: int = -1) -> Document:
    """A message that removes what lies behind a generation."""
    return {
        "type": "forget",
        "run_id": run_id,
        "generation": generation,
        "phase_begun": phase_begun,
    }


def heartbeat(run_id: str) -> Document:
    """A message that says that the run is alive."""
    return {"type": "heartbeat", "run_id": run_id}


def parse(document: object) -> tuple[Message, ...]:
    """What a document says.

    Raises:
        BadMessage: it is no message, or one of its rows cannot be stored.
    """
    message = _table(document, "a message")
    if message.get("type") != "batch":
        return (_parsed(message),)
    messages = message.get("messages")
    if not isinstance(messages, list) or len(messages) > MOST_MESSAGES:
        raise BadMessage(f"a batch has a list `messages` of at most {MOST_MESSAGES}")
    return tuple(_parsed(_table(one, "a message")) for one in messages)


def require_run_id(value: object) -> str:
    """A run's name, which stands in addresses.

    Raises:
        BadMessage: it is none.
    """
    if isinstance(value, str) and _RUN_ID.fullmatch(value) and value not in {".", ".."}:
        return value
    raise BadMessage(
        f"run_id takes a text of 1 to {KEY_CHARACTERS} characters without slashes and control "
        "characters"
    )


def _table(value: object, what: str) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    raise BadMessage(f"{what} is a JSON object")


def _parsed(message: dict[str, object]) -> Message:
    kind = message.get("type")
    if kind == "forget":
        generation = _place(message, "generation", None)
        return Forget(_run_id(message), generation, _place(message, "phase_begun", -1))
    if kind == "heartbeat":
        return Heartbeat(_run_id(message))
    if isinstance(kind, str):
        table = TABLES.get(kind, TABLES.get(f"{kind}s"))
        if table is not None:
            return _rows(message, kind, table)
    known = ", ".join([*TABLES, "batch", "forget", "heartbeat"])
    raise BadMessage(f"type {str(kind)[:60]!r} is unknown; it is one of {known}")


def _run_id(message: dict[str, object], row: dict[str, object] | None = None) -> str:
    for place in (message, row or {}):
        for name in ("run_id", "runId"):
            if name in place:
                return require_run_id(place[name])
    return require_run_id(None)


def _place(message: dict[str, object], name: str, otherwise: int | None) -> int:
    try:
        value = check_of(schema.METRICS.c.generation)(message.get(name, otherwise))
    except ValueError as error:
        raise BadMessage(f"{name} {error}") from None
    assert isinstance(value, int)
    return value


def _rows(message: dict[str, object], kind: str, table: Table) -> Rows:
    given = next((message[name] for name in ("rows", kind, table.name) if name in message), None)
    if given is None and table is schema.RUNS:
        given = {name: value for name, value in message.items() if name != "type"}
    listed = [given] if isinstance(given, dict) else given
    if not isinstance(listed, list):
        raise BadMessage(f"{kind} has a list `rows` of JSON objects")
    found = [_table(one, f"a row of {table.name}") for one in listed]
    run_id = _run_id(message, found[0] if found else None)
    made: list[Row] = []
    names: tuple[str, ...] = ()
    plan: Plan = ()
    for index, row in enumerate(found):
        if not made or tuple(row) != names:
            names = tuple(row)
            plan = _plan(table, names)
        made.append(_row(table, run_id, row, plan, index))
    return Rows(table, run_id, made)


def _row(table: Table, run_id: str, given: dict[str, object], plan: Plan, index: int) -> Row:
    row: Row = {"run_id": run_id}
    column = ""
    try:
        for name, column, check in plan:
            row[column] = check(given[name])
    except ValueError as error:
        raise BadMessage(f"{table.name}, row {index}: {column} {error}") from None
    _complete(table, row, index)
    return row


def _complete(table: Table, row: Row, index: int) -> None:
    """Give the row the keys that its sender does not know, and see whether it can be read."""
    defaults = {**_DEFAULTS, "idx": index} if table is schema.SAMPLES else _DEFAULTS
    for name in _needed(table):
        if name not in row:
            if name not in defaults:
                raise BadMessage(f"{table.name}, row {index}: {name} is missing")
            row[name] = defaults[name]
    read_back = _READ_BACK.get(table.name)
    if read_back is None:
        return
    try:
        read_back({name: row.get(name) for name in _names(table)})
    except (ValueError, TypeError, KeyError) as error:
        raise BadMessage(f"{table.name}, row {index}: {_why(error)}") from None


def _why(error: Exception) -> str:
    """The first thing that a record refuses, in one line."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return f"it cannot be read ({type(error).__name__})"
    first = errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


@cache
def _needed(table: Table) -> tuple[str, ...]:
    """Columns that no row may lack."""
    keys = [column.name for column in table.primary_key if column.name != "run_id"]
    return (*keys, "phase") if "phase" in table.columns and "phase" not in keys else tuple(keys)


def _plan(table: Table, given: tuple[str, ...]) -> Plan:
    """What to do with rows that have these names; those of a message are mostly alike."""
    checks = _checks(table)
    columns = [(name, name if name in checks else _snake(name)) for name in given]
    return tuple((name, column, checks[column]) for name, column in columns if column in checks)


@cache
def _checks(table: Table) -> Mapping[str, Check]:
    return {column.name: check_of(column) for column in table.columns if column.name != "run_id"}


@cache
def _names(table: Table) -> frozenset[str]:
    return frozenset(table.columns.keys())


def _snake(name: str) -> str:
    """The name as columns are written: valLoss is val_loss."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name[:80]).lower()
