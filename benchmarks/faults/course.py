"""One short run to the end of one phase, told generation by generation."""

import shutil
import time
from pathlib import Path

from benchmarks.faults.cases import Arm, Case, configuration
from benchmarks.faults.inject import PlantedEngine
from orchestrator.config import RunConfig
from orchestrator.phases import phases_of
from orchestrator.preparation import prepare_run
from orchestrator.resolve import worker_setup
from orchestrator.run_state import RunState
from orchestrator.slowness.watchdog import place_of
from orchestrator.stages.conclusion import Conclusion, Event, concluded, with_results
from orchestrator.stages.dispatch import stage_of
from orchestrator.telemetry import Telemetry, add_outcomes, at_commit
from state import partial
from state.base import Record
from state.records import Adjustment, Finding


class Generation(Record):
    """What one generation of the watched phase left; a chunk where it is a host's."""

    findings: tuple[Finding, ...]
    decision: str
    adjustments: tuple[Adjustment, ...] = ()
    bits_per_byte: tuple[float, ...]
    """On search, of each living lineage, or of the host as it stands."""
    events: tuple[str, ...] = ()
    """What the clock had to say."""
    distance: float | None = None
    """Mean functional distance of the generation's genomes."""


class Course(Record):
    """A run of a case."""

    case: str
    seed: int
    arm: Arm
    planted: int
    """First generation with the fault, counted from the phase's first one, which is 0."""
    generations: tuple[Generation, ...]

    def found(self, finding: str) -> list[int]:
        """Generations with this finding or event."""
        return [
            number
            for number, one in enumerate(self.generations)
            if finding in (*one.events, *(each.detector for each in one.findings))
        ]


def run_course(case: Case, data: Path, folder: Path, seed: int, arm: Arm) -> Course:
    """Make the run in `folder`, which is gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    corpus = folder / "corpus.txt"
    corpus.write_bytes(data.read_bytes()[: case.corpus_bytes])
    config = configuration(case, corpus, folder / "run", seed, arm)
    try:
        generations = follow(case, config)
    finally:
        shutil.rmtree(folder)
    return Course(
        case=case.name,
        seed=seed,
        arm=arm,
        planted=case.planted,
        generations=tuple(generations),
    )


def follow(case: Case, config: RunConfig) -> list[Generation]:
    """The generations of the case's phase, with the faults from the planted one on."""
    prepared = prepare_run(config)
    config, state = prepared.saved.config, prepared.saved.run
    engine = PlantedEngine(worker_setup(config, prepared.folder), case.faults)
    generations: list[Generation] = []
    telemetry, began = Telemetry(), time.monotonic()
    while not is_past(case, state, config):
        watched = is_watched(case, state, config)
        engine.planted = watched and len(generations) >= case.planted
        conclusion, telemetry = advance(state, config, engine, telemetry)
        state = concluded(state, conclusion)
        partial.clear(prepared.folder)
        telemetry, events = at_commit(
            telemetry,
            time.monotonic() - began,
            place_of(state, config),
            concluded=state.generation - 1,
        )
        if watched:
            generations.append(generation_of(conclusion, events))
    return generations


def advance(
    state: RunState, config: RunConfig, engine: PlantedEngine, telemetry: Telemetry
) -> tuple[Conclusion, Telemetry]:
    """One stage of the product: plan, train, conclude."""
    stage = stage_of(state, config)
    with engine.drawing():
        state = stage.open_work(state, config)
    while tasks := stage.pending(state, config):
        outcomes = engine.run(tasks, lambda: False)
        telemetry = add_outcomes(telemetry, tasks, outcomes)
        state = with_results(state, [outcome.result for outcome in outcomes])
    return stage.conclude(state, config), telemetry


def is_watched(case: Case, state: RunState, config: RunConfig) -> bool:
    """A generation of the case's phase is next."""
    return state.stage == "generation" and phases_of(config)[state.phase_index].name == case.phase


def is_past(case: Case, state: RunState, config: RunConfig) -> bool:
    """The case's phase is over, or its search is: what then remains only trains."""
    if phases_of(config)[state.phase_index].name != case.phase or state.phase is None:
        return False
    return state.stage == "phase_end" or (state.stage == "generation" and state.phase.closing)


def generation_of(conclusion: Conclusion, events: tuple[Event, ...]) -> Generation:
    """What is kept of a generation."""
    state, decision = conclusion.state, conclusion.decisions[0]
    living = [one for one in state.lineages if one.alive and one.evaluation]
    bits = [one.evaluation.bits_per_byte for one in living if one.evaluation]
    if state.host is not None:
        bits = [state.host.history[-1][1]] if state.host.history else []
    return Generation(
        findings=conclusion.findings,
        decision=decision.kind,
        adjustments=decision.adjustments,
        events=tuple(event.kind for event in events),
        bits_per_byte=tuple(bits),
        distance=_last(state.phase.distance_history) if state.phase else None,
    )


def _last(values: tuple[float, ...]) -> float | None:
    return values[-1] if values else None
