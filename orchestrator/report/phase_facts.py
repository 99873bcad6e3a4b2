"""What each phase began with, did and left, from a finished run's state and store."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, Protocol, TypeVar

from pydantic import JsonValue

from orchestrator.report.final_report import (
    GateDeficit,
    GateSummary,
    LostLineage,
    PhaseSummary,
    SeenFinding,
)
from orchestrator.run_state import PhaseSummary as StatePhase
from orchestrator.run_state import RunState
from state.metrics_reader import MetricsReader
from state.records import Adjustment, Decision, MemberRecord, PhaseName
from state.store_rows import StoredFinding


class _OfGeneration(Protocol):
    """A row of the store."""

    @property
    def phase(self) -> PhaseName: ...

    @property
    def generation(self) -> int: ...


_Row = TypeVar("_Row", bound=_OfGeneration)


class Attempt(NamedTuple):
    """One attempt at a phase."""

    phase: StatePhase
    first: int
    """Its first generation."""
    start: float | None
    """Best search bits per byte that it began with."""

    def own(self, rows: Iterable[_Row]) -> list[_Row]:
        """The rows of its generations."""
        last = self.first + self.phase.generations
        return [
            row
            for row in rows
            if row.phase == self.phase.name and self.first <= row.generation < last
        ]


def phase_summaries(state: RunState, store: MetricsReader) -> tuple[PhaseSummary, ...]:
    """One summary for each attempt at a phase, in order."""
    run_id = state.run_id
    decisions, findings = store.decisions(run_id), store.findings(run_id)
    members = store.members(run_id)
    dead = {lineage.index for lineage in state.lineages if not lineage.alive}
    found = [
        _with_members(_summary(one, decisions), one, members, dead).model_copy(
            update={"findings": _seen(one.own(findings))}
        )
        for one in attempts(state.summaries)
    ]
    return _with_settings(found, {one.phase: one.settings for one in store.phases(run_id)})


def attempts(summaries: Sequence[StatePhase]) -> Iterator[Attempt]:
    """Every attempt with its first generation and what it began with.

    Older versions did not note the first generation: the generations are then counted.
    """
    count, start, best = 0, None, None
    for one in summaries:
        first = count if one.first_generation is None else one.first_generation
        yield Attempt(one, first, start)
        count = first + one.generations
        match one.gate.verdict:
            case "pass":
                start = one.bits_per_byte
                best = min((bits for bits in (best, start) if bits is not None), default=None)
            case "revert":
                start = best
            case "retry":
                pass


def _summary(attempt: Attempt, decisions: Iterable[Decision]) -> PhaseSummary:
    one = attempt.phase
    own = attempt.own(decisions)
    judged = [
        each for each in own if (each.kind, each.reason) == (one.gate.verdict, one.gate.reason)
    ]
    return PhaseSummary(
        name=one.name,
        steps=one.steps,
        generations=one.generations,
        bits_per_byte=one.bits_per_byte,
        battery=one.battery,
        gate=_gate(one, judged[-1].adjustments if judged else ()),
        decisions=tuple(each for each in own if each not in judged and _matters(each)),
        first_generation=attempt.first,
        start_bits_per_byte=attempt.start,
        note=one.note,
    )


def _gate(one: StatePhase, adjustments: tuple[Adjustment, ...]) -> GateSummary:
    return GateSummary(
        verdict=one.gate.verdict,
        reason=one.gate.reason,
        deficit=_deficit(one.gate.numbers, ""),
        composite=_deficit(one.gate.numbers, "composite_"),
        adjustments=adjustments,
    )


def _deficit(numbers: dict[str, float], measure: str) -> GateDeficit | None:
    """One side of the gate's comparison, if it was made."""
    if f"{measure}deficit" not in numbers:
        return None
    low, high, slack = (numbers[f"{measure}{name}"] for name in ("low", "high", "slack"))
    mean, level = numbers[f"{measure}deficit"], numbers["level"]
    return GateDeficit(mean=mean, low=low, high=high, level=level, slack=slack)


def _matters(decision: Decision) -> bool:
    """It did something, or says what the run is short of; the end of the run is told elsewhere."""
    if decision.kind == "continue":
        return bool(decision.adjustments) or "passes" in decision.numbers
    return decision.kind != "finish"


def _with_members(
    summary: PhaseSummary, attempt: Attempt, members: Iterable[MemberRecord], dead: set[int]
) -> PhaseSummary:
    own = attempt.own(members)
    leads = [one for one in own if one.role in ("champion", "host")]
    started = {one.lineage for one in leads if one.generation == attempt.first}
    lost = [
        LostLineage(lineage=index, generation=max(generations))
        for index in sorted(dead)
        if (generations := [one.generation for one in leads if one.lineage == index])
    ]
    return summary.model_copy(
        update={
            "lineages": tuple(sorted(started)),
            "lost": tuple(lost) if summary.name == "oxidation" else (),
            "challengers": sum(one.role == "challenger" for one in own),
            "null_twins": sum(one.role == "null" for one in own),
        }
    )


def _seen(findings: Iterable[StoredFinding]) -> tuple[SeenFinding, ...]:
    return tuple(SeenFinding(**dict(one.finding), generation=one.generation) for one in findings)


def _with_settings(
    found: Iterable[PhaseSummary], begun: Mapping[PhaseName, dict[str, JsonValue]]
) -> tuple[PhaseSummary, ...]:
    """The settings that each attempt began with, where something was searched. A second one goes
    on from those that the first ended with.
    """
    done: list[PhaseSummary] = []
    for one in found:
        settings = begun.get(one.name, {})
        if done and done[-1].name == one.name and done[-1].gate is not None:
            settings = dict(done[-1].settings)
            decided = (each.adjustments for each in done[-1].decisions)
            for change in chain(*decided, done[-1].gate.adjustments):
                settings |= {change.setting: change.after} if change.setting in settings else {}
        searched = bool(settings.get("population"))
        done.append(one.model_copy(update={"settings": settings if searched else {}}))
    return tuple(done)
