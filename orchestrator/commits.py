"""Turning the state of a run into a commit and back."""

import re
from datetime import UTC, datetime

from pydantic import JsonValue

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.environment import environment_of
from orchestrator.evolution.kuramoto import order_parameter
from orchestrator.phases import phases_of
from orchestrator.retention import retained
from orchestrator.run_state import RunState
from orchestrator.run_state.growing import EXCLUDED, growing_lists
from orchestrator.telemetry import Telemetry
from state import partial
from state.base import Record
from state.commit import CommitRecord
from state.commit_files import CommitFiles
from state.objects import ObjectStore
from state.sealed import Text

_SHA256 = re.compile(r'(?<!\\)"([0-9a-f]{64})"(?!:)')
"""As a whole string in JSON text, where a quote inside a string follows a backslash; no key."""


class Saved(Record):
    """What the controller puts into a commit."""

    config: RunConfig
    run: RunState
    telemetry: Telemetry


def publish(
    commits: CommitFiles, saved: Saved, journal_bytes: dict[str, int], *, concluded: bool = False
) -> None:
    """Write the commit, then drop what neither it nor the one before names.

    `concluded` says that a stage has just ended: nobody will ask for its tasks again.

    Raises:
        OutOfSpace: the disk is full, or would be; the old commit is still valid.
    """
    folder, store = commits.folder, ObjectStore(commits.folder.objects)
    state = saved.model_dump(mode="json", exclude={"run": EXCLUDED})
    parts = {name: Text.of(part) for name, part in state.items() if name != "run"}
    run, named = commits.lists.encode(state["run"], growing_lists(saved.run))
    sizes = {sha: store.path(sha).stat().st_size for sha in sorted(_sha256s(named))}
    record = CommitRecord(
        run_id=saved.run.run_id,
        written_at=datetime.now(UTC).isoformat(timespec="seconds"),
        generation=saved.run.generation,
        summary=summary(saved.config, saved.run),
        state={},
        objects=sizes,
        kept=retained(commits.kept, saved.run, sizes, saved.config.keep_gb),
        journal_bytes=journal_bytes,
        environment=environment_of(saved.config.engine),
    )
    commits.publish(record, Text.of_entries({**parts, "run": run}))
    if concluded:
        partial.clear(folder)
    store.collect(commits.reachable | partial.objects_in_progress(folder))


def restore(record: CommitRecord) -> Saved:
    """The controller's part of a commit."""
    return Saved.model_validate(record.state)


def summary(config: RunConfig, state: RunState) -> dict[str, JsonValue]:
    """The lines that a person looks for."""
    phases = phases_of(config)
    phase = phases[state.phase_index].name if state.phase_index < len(phases) else "control"
    best = best_bits_per_byte(state)
    decision = state.last_decision
    last = state.summaries[-1] if state.summaries else None
    synchrony = state.oscillators
    return {
        "status": state.status,
        "phase": "done" if state.status == "finished" else phase,
        "generation": state.generation,
        "spent": books.spent(state.ledger),
        "budget": state.ledger.budget,
        "best_bits_per_byte": round(best, 5) if best is not None else None,
        "battery": round(last.battery, 3) if last and last.battery is not None else None,
        "synchrony": round(order_parameter(synchrony.phases)[0], 3) if synchrony else None,
        "last_decision": f"{decision.kind}: {decision.reason}" if decision else None,
        "dormant": [one.genome.formula for one in state.dormant],
    }


def best_bits_per_byte(state: RunState) -> float | None:
    """The best search bits per byte that is in the state."""
    kept = [*state.dormant, *([state.host.best] if state.host and state.host.best else [])]
    values = [one.evaluation.bits_per_byte for one in kept]
    values += [one.evaluation.bits_per_byte for one in state.lineages if one.evaluation]
    return min(values, default=None)


def named_objects(state: RunState) -> set[str]:
    """The sha256 of every object that a state names: they must stay on disk."""
    return sha256s_in(state.model_dump(mode="json"))


def sha256s_in(document: JsonValue) -> set[str]:
    """Every string in it that is a sha256."""
    return _sha256s(Text.of(document))


def _sha256s(text: Text) -> set[str]:
    return set(_SHA256.findall(text.plain))
