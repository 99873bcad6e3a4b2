"""Writing down what happened: the metrics store, the journals and the log. One writer a run."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from pydantic import JsonValue, TypeAdapter

from orchestrator.config import RunConfig
from orchestrator.intervention import Intervention
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import Conclusion, Event
from state.genome import parse
from state.journal import Journal
from state.metrics_store import MetricsStore
from state.records import PhaseName, StepMetrics
from state.results import Outcome, TaskResult
from state.run_folder import RunFolder
from trainer.instruments.cusum_panel import Panel

PHASE = TypeAdapter(PhaseName)

EventListener = Callable[[str, Mapping[str, JsonValue]], None]


class Recorder:
    """Everything that a stage leaves, in one transaction of the store and one append a journal.

    Rows are keyed, so that work done again after a crash overwrites itself.
    """

    def __init__(self, folder: RunFolder, run_id: str) -> None:
        self.folder = folder
        self.run_id = run_id
        self.store = MetricsStore.open(folder.metrics_db, writer=True)
        self.metrics = Journal(folder.metrics_jsonl)
        self.events = Journal(folder.events_jsonl)
        self.results = Journal(folder.results_jsonl)
        self.log = Journal(folder.log)
        self._listeners: list[EventListener] = []

    @property
    def _journals(self) -> tuple[Journal, ...]:
        return (self.metrics, self.events, self.results)

    def listen(self, listener: EventListener) -> None:
        """Tell `listener` every event as it is written."""
        self._listeners.append(listener)

    def journal_bytes(self) -> dict[str, int]:
        """Lengths of the append-only files, for the commit."""
        return {journal.path.name: journal.size for journal in self._journals}

    def rewind(self, lengths: dict[str, int], generation: int, phase_begun: int = -1) -> list[str]:
        """Cut what was written after the commit that is resumed; says what was missing."""
        messages = [
            journal.truncate(lengths.get(journal.path.name, 0)) for journal in self._journals
        ]
        self.store.forget_after(self.run_id, generation, phase_begun)
        return [message for message in messages if message]

    def record_run(self, config: RunConfig, state: RunState) -> None:
        """The row of the run itself."""
        best = state.winner or state.host or next(iter(state.lineages), None)
        formula = best.genome.formula if best else parse(config.train.activation).formula
        self.store.record_run(
            self.run_id,
            config=config.model_dump(mode="json"),
            ffn_activation=formula,
            domain=config.data.domain or "text",
            columns={"status": _status(state), **symbio_columns(config)},
        )

    def record_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Results and step metrics, in the order of the tasks."""
        self.record_rows([outcome.result for outcome in outcomes])
        self.record_steps([row for outcome in outcomes for row in outcome.rows])

    def record_steps(self, rows: Sequence[StepMetrics]) -> None:
        """Step metrics alone."""
        if rows:
            self.store.record_steps(self.run_id, rows)
            self.metrics.append(row.line() for row in rows)

    def record_rows(self, rows: Sequence[TaskResult | Intervention]) -> None:
        """Results, and between them what a person changed: all that the states follow from."""
        self.results.append(row.model_dump(mode="json") for row in rows)

    def record(self, config: RunConfig, before: RunState, conclusion: Conclusion) -> None:
        """What a stage concluded, and one line of the log for each event."""
        with self.store.transaction():
            self.record_run(config, conclusion.state)
            self.keep(before, conclusion)
        for event in conclusion.events:
            self.say(event)

    def keep(self, before: RunState, conclusion: Conclusion) -> None:
        """What a stage concluded, without telling anyone."""
        self.store_of(before, conclusion)
        self.events.append(
            {"generation": before.generation, "kind": one.kind, **one.data}
            for one in conclusion.events
        )

    def store_of(self, before: RunState, conclusion: Conclusion) -> None:
        """The rows of the store alone."""
        after, generation = conclusion.state, before.generation
        with self.store.transaction():
            if conclusion.members:
                phase = conclusion.members[0].phase
                self.store.record_members(self.run_id, conclusion.members)
                self.store.record_generation(
                    self.run_id, phase, generation, _generation_summary(after)
                )
                self.store.record_findings(self.run_id, phase, generation, conclusion.findings)
            if before.stage == "phase_start" and after.phase is not None:
                self._record_phase(before, after, conclusion.events)
            for offset, decision in enumerate(conclusion.decisions):
                self.store.record_decision(self.run_id, before.num_decisions + offset, decision)
            if conclusion.synchrony is not None:
                self.store.record_synchrony(self.run_id, conclusion.synchrony)
            if conclusion.samples and after.host is not None:
                phase, step = conclusion.members[0].phase, after.host.age_steps
                self.store.record_samples(self.run_id, phase, generation, step, conclusion.samples)
            if conclusion.battery is not None:
                self.store.record_battery(self.run_id, conclusion.battery)
            self.store.record_ledger(self.run_id, after.ledger)
            for offset, event in enumerate(conclusion.events):
                self.store.record_event(
                    self.run_id, before.num_events + offset, event.kind, event.data
                )

    def _record_phase(self, before: RunState, after: RunState, events: Sequence[Event]) -> None:
        assert after.phase is not None
        started = next(one for one in events if one.kind == "phase_started")
        self.store.record_phase(
            self.run_id,
            PHASE.validate_python(started.data["phase"]),
            before.generation,
            after.phase.settings.model_dump(mode="json"),
        )

    def say(self, event: Event) -> None:
        """One line in log.txt, and to whoever listens."""
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        self.log.append([{"at": stamp, "kind": event.kind, **event.data}])
        for listener in self._listeners:
            listener(event.kind, event.data)

    def sync(self) -> None:
        """Make the journals durable; called before each commit."""
        for journal in self._journals:
            journal.sync()

    def close(self) -> None:
        """Close the store."""
        self.store.close()


def _status(state: RunState) -> str:
    """Of the run's row; that it stands still or has died is known outside of it."""
    return "finished" if state.status == "finished" else "active"


def symbio_columns(config: RunConfig) -> dict[str, str | int | None]:
    """A model that trains alone has instruments or not; the six phases are `symbio` themselves."""
    if config.mode == "phases":
        return {}
    symbio = config.train.symbio
    if symbio is None:
        return {"symbio": 0, "symbio_config": None}
    # With the limit that holds where none is given: readers draw it and do not know the table.
    resolved = symbio.model_copy(update={"cusum_threshold": Panel.of(symbio).threshold})
    return {"symbio": 1, "symbio_config": resolved.model_dump_json()}


def _generation_summary(state: RunState) -> dict[str, JsonValue]:
    phase = state.phase
    best = [one.evaluation.bits_per_byte for one in state.lineages if one.evaluation]
    host = state.host.best if state.host else None
    if host is not None:
        best.append(host.evaluation.bits_per_byte)
    return {
        "best_bits_per_byte": min(best) if best else None,
        "diversity": phase.distance_history[-1] if phase and phase.distance_history else None,
        "population": phase.settings.population if phase else None,
    }
