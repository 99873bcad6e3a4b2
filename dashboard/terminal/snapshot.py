"""Everything that one frame shows, and how it is read from the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from state.metrics_reader import MetricsReader
from state.records import (
    BatteryReport,
    Decision,
    Ledger,
    MemberRecord,
    Sample,
    StepMetrics,
    Synchrony,
)
from state.store_rows import RunSummary, StoredEvent, StoredFinding

NUM_EVENTS = 60
NUM_FINDINGS = 5
NUM_LOSSES = 200
NUM_SYNCHRONIES = 20


@dataclass(frozen=True, slots=True)
class RunView:
    """One moment of a run."""

    run: RunSummary
    ledger: Ledger | None
    members: tuple[MemberRecord, ...] = ()
    """Of the last complete generation."""
    decisions: tuple[Decision, ...] = ()
    synchrony: tuple[Synchrony, ...] = ()
    """Of the last generations that measured it, the newest last."""
    lineages: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Which lineages the phases belong to, by the number of phases."""
    battery: BatteryReport | None = None
    sample: Sample | None = None
    findings: tuple[StoredFinding, ...] = ()
    events: tuple[StoredEvent, ...] = ()
    slow: tuple[Mapping[str, JsonValue], ...] = ()
    """What the clock says of the phase: rows of log.txt that still hold."""
    best_bits_per_byte: tuple[float, ...] = ()
    """Of each generation that measured it."""
    steps: tuple[StepMetrics, ...] = ()
    """Of the newest chunk of a model that trains alone."""
    losses: tuple[float, ...] = ()
    """Its training loss from the first step to the last, thinned out."""
    search_bits: tuple[float, ...] = ()
    """Its bits per byte at each evaluation."""

    @property
    def is_single(self) -> bool:
        """One model trains alone: there is no population."""
        return self.run.config.get("mode") == "train"

    @property
    def spent(self) -> int:
        """Settled member-steps of the budget, controls not counted."""
        return sum(line.settled for line in self.ledger.lines) if self.ledger else 0

    @property
    def phase(self) -> str | None:
        """The phase that the newest event speaks of, else that of the last generation."""
        told = (event.data.get("phase") for event in reversed(self.events))
        return next((phase for phase in told if isinstance(phase, str)), self.run.phase)


@dataclass(frozen=True, slots=True)
class Pace:
    """How far the run came while somebody watched; what the time left is estimated from."""

    seconds: float = 0.0
    steps: int = 0


def read_view(store: MetricsReader) -> RunView | None:
    """The latest run of the store; None before it has begun."""
    run_id = store.latest_run()
    run = store.summary(run_id) if run_id is not None else None
    return None if run is None else _view_of(store, run)


def eta_seconds(view: RunView, pace: Pace) -> float | None:
    """Seconds to the end of the budget at the pace so far; None while there is no pace."""
    if view.ledger is None or pace.steps <= 0:
        return None
    return max(0, view.ledger.budget - view.spent) * pace.seconds / pace.steps


def _view_of(store: MetricsReader, run: RunSummary) -> RunView:
    run_id = run.run_id
    batteries, samples = store.batteries(run_id), store.samples(run_id, last=1)
    synchrony = store.synchrony(run_id, last=NUM_SYNCHRONIES)
    battery = batteries[-1] if batteries else None
    spoken = samples[-1].sample if samples else None
    if spoken is None and battery is not None and battery.samples:
        spoken = battery.samples[0]
    view = RunView(
        run=run,
        ledger=store.ledger(run_id),
        members=() if run.generation is None else store.members(run_id, run.generation),
        decisions=store.decisions(run_id),
        synchrony=synchrony,
        lineages=_lineages(store, run_id, synchrony),
        battery=battery,
        sample=spoken,
        findings=store.findings(run_id, last=NUM_FINDINGS),
        events=store.events(run_id, last=NUM_EVENTS),
        best_bits_per_byte=tuple(
            done.best_bits_per_byte
            for done in store.generations(run_id)
            if done.best_bits_per_byte is not None
        ),
    )
    return _with_training(view, store) if view.is_single else view


def _lineages(
    store: MetricsReader, run_id: str, synchrony: tuple[Synchrony, ...]
) -> dict[int, tuple[int, ...]]:
    """Lineages only ever become fewer: one generation of each number tells which they were."""
    generations = {len(record.phases): record.generation for record in synchrony}
    champions = {
        count: {row.lineage for row in store.members(run_id, generation) if row.role == "champion"}
        for count, generation in generations.items()
    }
    return {count: tuple(sorted(found)) for count, found in champions.items()}


def _with_training(view: RunView, store: MetricsReader) -> RunView:
    run_id, members = view.run.run_id, store.members(view.run.run_id)
    own = [member for member in members if member.role == "host"]
    ids = None if len(own) == len(members) else [member.member_id for member in own]
    return replace(
        view,
        steps=store.steps(run_id, own[-1].member_id) if own else (),
        losses=tuple(point.loss for point in store.losses(run_id, ids, limit=NUM_LOSSES)),
        search_bits=tuple(one.bits_per_byte for one in own if one.bits_per_byte is not None),
    )
