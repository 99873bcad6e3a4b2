"""What the host of the last phases and the model of `train` have in common: task, and best copy."""

from typing import NamedTuple

from orchestrator.config import RunConfig
from orchestrator.run_state import Dormant, HostState, RunState
from orchestrator.stages.conclusion import evaluation_of, phase_of
from orchestrator.stages.host_progress import host_of
from state.records import Evaluation, PhaseName
from state.results import TrainingResult
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


MEASURE_MEAN_FROM = 0.5


class Averaged(NamedTuple):
    """A running mean of the host's weights, measured."""

    checkpoint: str
    evaluation: Evaluation


def mean_settings(
    config: RunConfig, *, total_steps: int, end: float, measured: bool = True
) -> dict[str, object]:
    """What a task says of the running mean of its model's weights: nothing where none is kept.

    `end` is the share of the steps behind it when it ends; `measured` says that the weights are
    measured there. Early means are worse than the weights after the decay will be, and are left.
    """
    horizon = config.host.mean_horizon * total_steps
    if not horizon or config.model.recipe != "modern":
        return {}
    published = measured and end >= MEASURE_MEAN_FROM
    return {"mean_rate": min(1.0, 1 / horizon), "publishes_mean": published}


def averaged_of(result: TrainingResult) -> Averaged | None:
    """The mean that a training left, if it left one and measured it."""
    measured = evaluation_of(result.averaged_evaluations, "search")
    if result.averaged is None or measured is None:
        return None
    return Averaged(result.averaged, measured)


def best_of(
    host: HostState,
    measured: Evaluation,
    phase: PhaseName,
    generation: int,
    averaged: Averaged | None = None,
) -> Dormant:
    """The best copy so far, now that the host was measured as it stands, and the mean of its
    weights if there is one.
    """
    assert host.checkpoint is not None
    now = Averaged(host.checkpoint, measured)
    better = min((now, averaged or now), key=lambda one: one.evaluation.bits_per_byte)
    best = host.best
    if best is not None and better.evaluation.bits_per_byte >= best.evaluation.bits_per_byte:
        return best
    return Dormant(
        genome=host.genome,
        checkpoint=better.checkpoint,
        evaluation=better.evaluation,
        lineage=host.lineage,
        phase=phase,
        generation=generation,
        age_steps=host.age_steps,
        parents=best.parents if best else (),
        trained=None if better is now else host.checkpoint,
    )
