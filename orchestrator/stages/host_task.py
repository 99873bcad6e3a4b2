"""What the host of the last phases and the model of `train` have in common: task, and best copy."""

from orchestrator.config import RunConfig
from orchestrator.run_state import Dormant, HostState, RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.host_progress import host_of
from state.records import Evaluation, PhaseName
from state.tasks import BatchKey, LearningRateSpan, TrainingTask


def host_task(
    state: RunState,
    config: RunConfig,
    phase: PhaseName,
    *,
    steps: int,
    stream: int,
    learning_rate: LearningRateSpan,
) -> TrainingTask:
    """The next steps of the one model; `stream` numbers their batches."""
    host, settings = host_of(state), phase_of(state).settings
    return TrainingTask(
        task_id=f"g{state.generation:05d}-{host.name}",
        phase=phase,
        generation=state.generation,
        lineage=host.lineage,
        role="control" if phase == "control" else "host",
        genome=host.genome,
        parent=host.checkpoint,
        parent_genome=host.genome,
        init_seed=host.init_seed,
        first_step=host.age_steps + 1,
        steps=steps,
        batches=BatchKey(
            seed=config.seed, lineage=host.lineage, generation=stream, purpose=host.name
        ),
        learning_rate=learning_rate,
        lr_scale=settings.lr_scale,
        clip_scale=settings.clip_scale,
        dropout=settings.dropout,
        threads=config.engine.host_threads or 1,
    )


def best_of(host: HostState, measured: Evaluation, phase: PhaseName, generation: int) -> Dormant:
    """The best copy so far, now that the host was measured as it stands."""
    best = host.best
    if best is not None and measured.bits_per_byte >= best.evaluation.bits_per_byte:
        return best
    assert host.checkpoint is not None
    return Dormant(
        genome=host.genome,
        checkpoint=host.checkpoint,
        evaluation=measured,
        lineage=host.lineage,
        phase=phase,
        generation=generation,
        age_steps=host.age_steps,
        parents=best.parents if best else (),
    )
