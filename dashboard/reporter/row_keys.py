"""How a small row is named in a cursor: its table, its age, and its key within the run."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress

from sqlalchemy import Table

from dashboard.reporter.cursor import Cursor
from state import schema

PLACES: Mapping[Table, str] = {
    schema.RUNS: "",
    schema.PHASES: "first_generation",
    schema.LEDGER: "",
    schema.GENERATIONS: "generation",
    schema.MEMBERS: "generation",
    schema.FINDINGS: "generation",
    schema.DECISIONS: "generation",
    schema.SAMPLES: "generation",
    schema.SYNCHRONY: "generation",
    schema.BATTERIES: "generation",
    schema.EVENTS: "idx",
}
"""Every small table, in the order of sending -> the column that says how old a row is."""
AGELESS = -1


def place_of(table: Table, row: Mapping[str, object]) -> int:
    """The row's generation, of an event its index; AGELESS where there is one row a run."""
    value = row[PLACES[table]] if PLACES[table] else AGELESS
    assert isinstance(value, int)
    return value


def key_of(table: Table, row: Mapping[str, object]) -> str:
    """Names the row within its run; an event's has its generation for its end."""
    names = [column.name for column in table.primary_key if column.name != "run_id"]
    if table is schema.EVENTS:
        names = ["generation"]
    key = json.dumps([row[name] for name in names], separators=(",", ":"))
    return f"{table.name} {place_of(table, row)} {key}"


def digest_of(row: Mapping[str, object]) -> str:
    """Of everything in it."""
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def generation_of(key: str) -> int | None:
    """The generation that a row belongs to; None for one that outlives all of them."""
    name, place, rest = key.split(" ", 2)
    if name == schema.EVENTS.name:
        with suppress(ValueError, LookupError, TypeError, RecursionError):
            found = json.loads(rest)[0]
            return found if isinstance(found, int) else None
        return None
    return None if int(place) == AGELESS else int(place)


def is_open(key: str, generation: int, event: int) -> bool:
    """The row is behind the sealed generation, or the sealed event."""
    name, place, _ = key.split(" ", 2)
    limit = event if name == schema.EVENTS.name else generation
    return int(place) == AGELESS or int(place) > limit


def forgotten(cursor: Cursor, generation: int) -> Cursor:
    """The cursor of a server that has forgotten what lies behind `generation`."""

    def stays(key: str) -> bool:
        own = generation_of(key)
        return own is None or own <= generation

    update: dict[str, object] = {
        "rows": {key: digest for key, digest in cursor.rows.items() if stays(key)}
    }
    if generation < cursor.sealed_generation:
        # Which of the sealed events were of those generations is not known any more.
        update |= {"sealed_generation": generation, "sealed_event": -1}
    return cursor.model_copy(update=update)
