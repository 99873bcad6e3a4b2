"""Before Endosymbiosis: what is averaging the symbionts worth, and who becomes the host?"""

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.evolution.regime import HOSTS
from orchestrator.passes import passes_of
from orchestrator.run_state import (
    Dormant,
    EnsembleState,
    HostState,
    LineageState,
    OpenWork,
    RunState,
)
from orchestrator.stages.conclusion import Conclusion, Event, charge, missing, result_of
from orchestrator.stages.current import current_phase
from orchestrator.stages.teaching import cheapest
from state.records import TeachingRefused
from state.results import EnsembleResult
from state.tasks import EnsembleTask, Task, Teacher


def symbionts(state: RunState) -> tuple[LineageState, ...]:
    """The distinct surviving lineages: each has an initialisation and a data order of its own."""
    return tuple(one for one in state.lineages if one.alive and one.checkpoint)


def open_work(state: RunState, config: RunConfig) -> RunState:
    """Measuring costs no member-steps."""
    return state.model_copy(update={"work": OpenWork()})


def pending(state: RunState, config: RunConfig) -> tuple[Task, ...]:
    """One ensemble to measure; a lone lineage has none."""
    if len(symbionts(state)) < 2:
        return ()
    models = tuple(
        Teacher(checkpoint=one.checkpoint or "", genome=one.genome) for one in symbionts(state)
    )
    task = EnsembleTask(
        task_id=f"g{state.generation:05d}-ensemble",
        models=models,
        threads=config.engine.host_threads or 1,
    )
    return missing(state, (task,))


def conclude(state: RunState, config: RunConfig) -> Conclusion:
    """The best lineage becomes the host; the others teach it if their average is better."""
    result = result_of(state, f"g{state.generation:05d}-ensemble")
    ensemble = _measured(state, config, result) if isinstance(result, EnsembleResult) else None
    host = _host(state, config, ensemble)
    steps = books.remaining(state.ledger, "endosymbiosis")
    teaching = {"teaching": cheapest(state, config, host, steps)}
    host = host.model_copy(update=teaching)
    ensemble = ensemble and ensemble.model_copy(update=teaching)
    events = (Event(kind="symbiosis", data=_story(host, ensemble)),)
    update = {
        "ledger": charge(state),
        "ensemble": ensemble,
        "host": host,
        "stage": "generation",
        "work": None,
    }
    return Conclusion(state=state.model_copy(update=update), events=events)


def _measured(state: RunState, config: RunConfig, result: EnsembleResult) -> EnsembleState | None:
    if result.ensemble is None or not result.members:
        return None
    bits = result.ensemble.bits_per_byte
    best = min(one.bits_per_byte for one in result.members)
    passes = passes_of(config, _host_steps(state))
    refused: TeachingRefused | None = None
    if best - bits < config.host.ensemble_gain_floor:
        refused = "gain"
    elif passes is not None and passes < config.host.teach_from_passes:
        refused = "passes"
    elif state.regime is not None and state.regime.kind == "compute_limited":
        refused = "steps"
    return EnsembleState(
        bits_per_byte=bits,
        best_bits_per_byte=best,
        disagreement=result.disagreement,
        distil_weight=0.0 if refused else config.host.distil_weight,
        lineages=tuple(one.index for one in symbionts(state)),
        refused=refused,
        host_passes=passes,
    )


def _host_steps(state: RunState) -> int:
    """Member-steps that are left to the host."""
    return sum(books.remaining(state.ledger, name) for name in HOSTS)


def best_symbiont(state: RunState) -> LineageState:
    """The one with the fewest bits, which becomes the host."""
    return min(
        symbionts(state),
        key=lambda one: (one.evaluation.bits_per_byte if one.evaluation else 1e9, one.index),
    )


def _host(state: RunState, config: RunConfig, ensemble: EnsembleState | None) -> HostState:
    best = best_symbiont(state)
    weight = ensemble.distil_weight if ensemble else 0.0
    assert best.checkpoint is not None
    assert best.evaluation is not None
    return HostState(
        name="host",
        genome=best.genome,
        checkpoint=best.checkpoint,
        init_seed=best.init_seed,
        age_steps=best.age_steps,
        decay_from=config.host.decay_from,
        lineage=best.index,
        teachers=ensemble.lineages if ensemble and weight else (),
        teacher_weight=weight,
        before_decay=best.checkpoint,
        before_decay_age=best.age_steps,
        best=Dormant(
            genome=best.genome,
            checkpoint=best.checkpoint,
            evaluation=best.evaluation,
            lineage=best.index,
            phase=current_phase(state, config),
            generation=state.generation,
            age_steps=best.age_steps,
            parents=best.parents,
        ),
    )


def _story(host: HostState, ensemble: EnsembleState | None) -> dict[str, float | int | str]:
    story: dict[str, float | int | str] = {"host_lineage": host.lineage}
    if ensemble is not None:
        story |= {
            "ensemble_bits_per_byte": round(ensemble.bits_per_byte, 5),
            "best_bits_per_byte": round(ensemble.best_bits_per_byte, 5),
            "disagreement": round(ensemble.disagreement, 4),
            "distil_weight": ensemble.distil_weight,
        }
    if host.teachers:
        story["teaching"] = host.teaching
    elif ensemble is not None and ensemble.refused:
        story["refused"] = ensemble.refused
    return story
