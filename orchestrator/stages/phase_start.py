"""Begin a phase: fit it into its steps, set its dials, let the lineages of the run appear."""

from orchestrator import ledger as books
from orchestrator.config import PhaseConfig, RunConfig
from orchestrator.phases import fit_search, purpose
from orchestrator.run_state import LineageState, OpenWork, PhaseSettings, PhaseState, RunState
from orchestrator.stages.conclusion import Conclusion, Event
from orchestrator.stages.current import configured_phase
from orchestrator.stages.effort import effort_of
from orchestrator.stages.single import mode_event, new_host
from state.genome import parse
from state.records import Genome
from state.seeds import derive_seed
from state.tasks import Task
from trainer.backbones.names import MIXINGS

FIRST_COOLDOWN = 2
"""Generations of a phase before its first adaptation, unless its cooldown is shorter."""


def open_work(state: RunState, config: RunConfig) -> RunState:
    """Nothing to train."""
    return state.model_copy(update={"work": OpenWork()})


def pending(state: RunState, config: RunConfig) -> tuple[Task, ...]:
    """Nothing to wait for."""
    return ()


def new_lineage(config: RunConfig, index: int) -> LineageState:
    """A lineage with an initialisation of its own, on the first genome."""
    seed = derive_seed(config.seed, "init", index)
    return LineageState(index=index, genome=first_genome(config, index), init_seed=seed)


def first_genome(config: RunConfig, index: int) -> Genome:
    """A lineage's first activation, with the backbone's fusion where that is to evolve too."""
    genome = parse(config.evolution.first_activation(index))
    if not config.evolution.evolve_fusion or genome.fusion is not None:
        return genome
    return genome.fused(MIXINGS[config.model.backbone].fusion)


def conclude(state: RunState, config: RunConfig) -> Conclusion:
    """The state at the first generation of the phase, or at the merger before Endosymbiosis."""
    phase = configured_phase(state, config)
    if phase.kind == "single":
        state = state.model_copy(update={"host": new_host(config)})
    else:
        state = state.model_copy(update={"lineages": _lineages(state, config, phase)})
    fresh = _fresh_phase(state, config, phase)
    stage = "symbiosis" if phase.name == "endosymbiosis" and state.host is None else "generation"
    note = fresh.fit.note if fresh.fit else ""
    event = Event(
        kind="phase_started",
        data={
            "phase": phase.name,
            "steps": books.remaining(state.ledger, phase.name),
            "purpose": purpose(phase.name),
            "note": note,
        },
    )
    update = {"phase": fresh, "stage": stage, "work": None, "decisions": ()}
    events = (event, mode_event(config)) if phase.kind == "single" else (event,)
    return Conclusion(state=state.model_copy(update=update), events=events)


def _lineages(state: RunState, config: RunConfig, phase: PhaseConfig) -> tuple[LineageState, ...]:
    wanted = 1 if phase.kind == "reference" else config.evolution.lineages
    new = tuple(new_lineage(config, index) for index in range(len(state.lineages), wanted))
    kept = tuple(
        lineage.model_copy(update={"bits_history": (), "train_history": ()})
        for lineage in state.lineages
    )
    return kept + new


def _fresh_phase(state: RunState, config: RunConfig, phase: PhaseConfig) -> PhaseState:
    dropout = config.model.dropout
    if phase.kind != "search":
        return PhaseState(
            settings=PhaseSettings(dropout=dropout),
            first_generation=state.generation,
            start_lineages=state.lineages,
            settled_before=books.line(state.ledger, phase.name).settled,
        )
    alive = sum(lineage.alive for lineage in state.lineages)
    left, effort = books.remaining(state.ledger, phase.name), effort_of(state, config, phase.name)
    fit = fit_search(phase, config.evolution, left, alive, effort=effort)
    settings = PhaseSettings(
        mutation_rate=phase.mutation_rate,
        steps_per_candidate=fit.steps_per_candidate,
        population=fit.population,
        max_depth=phase.max_depth,
        max_nodes=phase.max_nodes,
        coupling=phase.coupling,
        diversity_bonus=phase.diversity_bonus,
        dropout=dropout,
    )
    return PhaseState(
        settings=settings,
        fit=fit,
        first_generation=state.generation,
        start_lineages=state.lineages,
        start_oscillators=state.oscillators,
        cooldown_left=min(phase.cooldown, FIRST_COOLDOWN),
    )
