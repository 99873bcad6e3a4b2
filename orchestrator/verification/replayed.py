"""Is the run that is played again the run that was recorded? The first difference, in words."""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from pydantic import JsonValue, TypeAdapter

from orchestrator.commits import restore
from orchestrator.replay.journal import committed_records
from orchestrator.replay.states import Played, Replay
from orchestrator.run_state import RunState
from orchestrator.verification.check import Check, failed, passed
from state.base import Record
from state.commit import CommitRecord
from state.metrics_store import MetricsStore
from state.progress import SILENT, Reporter
from state.records import Decision
from state.run_folder import RunFolder

NOT_COMPARED = frozenset({"run_id", "resumed_count"})
"""Fields of the state that results do not decide: what the run is called and how often it was
resumed. Times need no exception, they are part of the results."""

Json = dict[str, JsonValue]
_EVENT = TypeAdapter(Json)
T = TypeVar("T")


class Recorded(NamedTuple):
    """What a run wrote down up to a commit."""

    decisions: tuple[Decision, ...]
    events: tuple[Json, ...]
    state: RunState


class Replayed(NamedTuple):
    """What the replay gives for it."""

    decisions: tuple[Decision, ...]
    events: tuple[Json, ...]
    state: RunState
    num_rows: int
    stopped: str | None
    """Why it went no further; None when it reached the commit."""


def replay_checks(
    folder: RunFolder, record: CommitRecord, progress: Reporter = SILENT
) -> list[Check]:
    """Decisions, events, ledger, phases and the whole state, played again and compared."""
    try:
        recorded = recorded_up_to(folder, record)
        replay = Replay.of(folder, record)
    except ValueError as error:
        return [failed("replay", str(error))]
    return compare(recorded, played_through(replay, progress))


def recorded_up_to(folder: RunFolder, record: CommitRecord) -> Recorded:
    """The decisions of the store, the events of the journal and the state of the commit.

    Raises:
        ValueError: the store or the journal cannot be read.
    """
    state = restore(record).run
    with MetricsStore.open(folder.metrics_db, writer=False) as store:
        decisions = store.decisions(record.run_id)[: state.num_decisions]
    path = folder.events_jsonl
    events = committed_records(path, record.journal_bytes.get(path.name, 0), _EVENT)
    return Recorded(decisions, tuple(events), state)


def played_through(replay: Replay, progress: Reporter = SILENT) -> Replayed:
    """Play to the commit, or as far as the results fit."""
    decisions: list[Decision] = []
    events: list[Json] = []
    stopped = None
    try:
        with progress.work("playing the run again", len(replay.rows), "results") as advance:
            for played in replay.stages():
                decisions += played.conclusion.decisions
                events += _events_of(played)
                advance(replay.num_rows)
    except ValueError as error:
        stopped = f"the replay stops early: {error}"
    return Replayed(tuple(decisions), tuple(events), replay.state, replay.num_rows, stopped)


def compare(recorded: Recorded, replayed: Replayed) -> list[Check]:
    """One check for each thing that a replay must give again."""
    before, after = comparable(recorded.state), comparable(replayed.state)
    stopped = replayed.stopped
    pairs = {"ledger": "ledger", "phases": "summaries"}
    found = {
        "decisions": _first(recorded.decisions, replayed.decisions, _decisions_differ, stopped),
        "events": _first(recorded.events, replayed.events, _events_differ, stopped),
        **{
            name: stopped or first_difference(before[field], after[field], field)
            for name, field in pairs.items()
        },
        "state": stopped or first_difference(before, after),
    }
    equal = {
        "decisions": f"all {len(recorded.decisions)} equal",
        "events": f"all {len(recorded.events)} equal",
        "ledger": f"{recorded.state.ledger.budget} steps booked alike",
        "phases": f"{len(recorded.state.summaries)} summaries equal",
        "state": f"equal after {replayed.num_rows} results",
    }
    return [
        _check(f"replay: {name}", difference, equal[name]) for name, difference in found.items()
    ]


def comparable(state: RunState) -> Json:
    """What two states must have in common."""
    return state.model_dump(mode="json", exclude=set(NOT_COMPARED))


def first_difference(
    recorded: JsonValue, found: JsonValue, path: str = "", *, source: str = "the replay"
) -> str | None:
    """Where two JSON values differ first, in the order of their fields; None if they are equal.

    `source` is where the second one comes from, for the sentence.
    """
    if isinstance(recorded, dict) and isinstance(found, dict):
        names = dict.fromkeys((*recorded, *found))
        pairs = [(str(name), recorded.get(name), found.get(name)) for name in names]
    elif isinstance(recorded, list) and isinstance(found, list):
        if len(recorded) != len(found):
            return f"{path} has {len(recorded)} entries, {source} gives {len(found)}"
        numbered = zip(recorded, found, strict=True)
        pairs = [(str(index), one, other) for index, (one, other) in enumerate(numbered)]
    else:
        return None if recorded == found else f"{path} is {recorded}, {source} gives {found}"
    inner = (
        first_difference(one, other, f"{path}.{name}".lstrip("."), source=source)
        for name, one, other in pairs
    )
    return next((difference for difference in inner if difference), None)


def _events_of(played: Played) -> list[Json]:
    """As they stand in events.jsonl."""
    rows = [
        {"generation": played.before.generation, "kind": event.kind, **event.data}
        for event in played.conclusion.events
    ]
    return [json.loads(json.dumps(row)) for row in rows]


def _first(
    recorded: Sequence[T],
    replayed: Sequence[T],
    differ: Callable[[int, T, T], str | None],
    stopped: str | None,
) -> str | None:
    """The first pair that differs, as far as the replay came; else why it came no further."""
    for index, (one, other) in enumerate(zip(recorded, replayed, strict=False), start=1):
        difference = differ(index, one, other)
        if difference:
            return difference
    if stopped is None and len(recorded) != len(replayed):
        return f"{len(recorded)} are recorded, the replay gives {len(replayed)}"
    return stopped


def _decisions_differ(number: int, recorded: Decision, replayed: Decision) -> str | None:
    if recorded == replayed:
        return None
    where = f"decision {number} (generation {recorded.generation}, {recorded.phase})"
    one, other = (f"{each.kind}: {each.reason}" for each in (recorded, replayed))
    if one != other:
        return f"{where} was '{one}', the replay gives '{other}'"
    return f"{where}, {one}: {_field_difference(recorded, replayed)}"


def _events_differ(number: int, recorded: Json, replayed: Json) -> str | None:
    difference = first_difference(recorded, replayed)
    return difference and f"event {number} ({recorded.get('kind')}): {difference}"


def _field_difference(recorded: Record, replayed: Record) -> str | None:
    return first_difference(recorded.model_dump(mode="json"), replayed.model_dump(mode="json"))


def _check(name: str, difference: str | None, equal: str) -> Check:
    return failed(name, difference) if difference else passed(name, equal)
