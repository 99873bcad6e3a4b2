"""Everything that one frame shows of the store, and how it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from dashboard.terminal.history import Alarms, Past, Point
from state.metrics_reader import MetricsReader
from state.records import (
    BatteryReport,
    Decision,
    Ledger,
    MemberRecord,
    StepMetrics,
    Synchrony,
)
from state.store_rows import RunSummary, StoredEvent, StoredFinding, StoredSample

NUM_EVENTS = 100
NUM_FINDINGS = 200
NUM_SAMPLES = 60
NUM_SYNCHRONIES = 30


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
    samples: tuple[StoredSample, ...] = ()
    """Those that were drawn last, all at one point of the run."""
    findings: tuple[StoredFinding, ...] = ()
    events: tuple[StoredEvent, ...] = ()
    slow: tuple[Mapping[str, JsonValue], ...] = ()
    """What the clock says of the phase: rows of log.txt that still hold."""
    course: tuple[Point, ...] = ()
    """Every generation, and every chunk of a host."""
    steps: tuple[StepMetrics, ...] = ()
    """Of the newest chunk of a model that trains alone."""
    losses: tuple[float, ...] = ()
    """Its training loss from the first step to the last, thinned out."""
    alarms: Alarms | None = None
    """Of its CUSUM charts; None where they were not drawn."""

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

    @property
    def distance(self) -> float | None:
        """Between the genomes of the last complete generation, where it has several."""
        return self.course[-1].distance if self.course else None

    @property
    def finished(self) -> StoredEvent | None:
        """The event with the result, if nothing came after it."""
        last = self.events[-1] if self.events else None
        return last if last is not None and last.kind == "finished" else None


def read_view(store: MetricsReader, past: Past | None = None) -> RunView | None:
    """The latest run of the store; None before it has begun. `past` is what is known already."""
    run_id = store.latest_run()
    run = store.summary(run_id) if run_id is not None else None
    return None if run is None else _view_of(store, run, past or Past())


def _view_of(store: MetricsReader, run: RunSummary, past: Past) -> RunView:
    run_id = run.run_id
    single = run.config.get("mode") == "train"
    batteries = store.batteries(run_id)
    synchrony = store.synchrony(run_id, last=NUM_SYNCHRONIES)
    past.update(store, run_id, single=single)
    return RunView(
        run=run,
        ledger=store.ledger(run_id),
        members=() if run.generation is None else store.members(run_id, run.generation),
        decisions=store.decisions(run_id),
        synchrony=synchrony,
        lineages=_lineages(store, run_id, synchrony),
        battery=batteries[-1] if batteries else None,
        samples=_newest(store.samples(run_id, last=NUM_SAMPLES)),
        findings=store.findings(run_id, last=NUM_FINDINGS),
        events=store.events(run_id, last=NUM_EVENTS),
        course=past.course,
        steps=past.newest_steps,
        losses=past.losses,
        alarms=past.alarms,
    )


def _newest(samples: tuple[StoredSample, ...]) -> tuple[StoredSample, ...]:
    """Those of the point at which the last one was drawn."""
    return tuple(
        one
        for one in samples
        if (one.generation, one.phase, one.step)
        == (samples[-1].generation, samples[-1].phase, samples[-1].step)
    )


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
