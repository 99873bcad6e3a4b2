"""Building the training tasks that the stages share."""

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.phases import phases_of
from orchestrator.run_state import LineageState, RunState
from orchestrator.schedule import lineage_span
from orchestrator.stages.conclusion import phase_of
from state.records import Genome, PhaseName, Role
from state.tasks import BatchKey, TrainingTask


def phase_name(state: RunState, config: RunConfig) -> PhaseName:
    """Name of the phase that is going on."""
    return phases_of(config)[state.phase_index].name


def progress(state: RunState, phase: PhaseName, cost: int) -> tuple[float, float]:
    """Share of the phase's budget that is spent before and after `cost` more steps."""
    entry = books.line(state.ledger, phase)
    total = max(1, entry.allotted)
    return entry.settled / total, min(1.0, (entry.settled + cost) / total)


def lineage_task(
    state: RunState,
    config: RunConfig,
    lineage: LineageState,
    *,
    name: str,
    role: Role,
    steps: int,
    purpose: str,
    cost: int,
    genome: Genome | None = None,
    threads: int = 1,
    save: bool = True,
) -> TrainingTask:
    """Train `steps` from the lineage's champion, as it is or with another activation.

    Args:
        state: gives the phase, the generation and the phase's settings.
        config: gives the seed and the schedule.
        lineage: whose weights, age and initialisation the member takes.
        name: last part of the task's id.
        role: what the member is in the population.
        steps: optimizer steps.
        purpose: names the stream of batches; members that are compared share it.
        cost: steps that the whole generation is expected to take, for the schedule.
        genome: the activation to train with; None keeps the champion's.
        threads: CPU threads, part of what fixes the bits.
        save: publish the checkpoint.
    """
    settings = phase_of(state).settings
    phase = phase_name(state, config)
    target = genome or lineage.genome
    return TrainingTask(
        task_id=f"g{state.generation:05d}-l{lineage.index}-{name}",
        phase=phase,
        generation=state.generation,
        lineage=lineage.index,
        role=role,
        genome=target,
        parent=lineage.checkpoint,
        parent_genome=lineage.genome,
        init_seed=lineage.init_seed,
        first_step=lineage.age_steps + 1,
        steps=steps,
        morph_steps=0 if target == lineage.genome else max(1, steps // 2),
        batches=BatchKey(
            seed=config.seed,
            lineage=lineage.index,
            generation=state.generation,
            purpose=purpose,
        ),
        learning_rate=lineage_span(
            config,
            phase,
            age_steps=lineage.age_steps,
            progress=progress(state, phase, cost),
        ),
        lr_scale=settings.lr_scale,
        clip_scale=settings.clip_scale,
        dropout=settings.dropout,
        threads=threads,
        save=save,
    )
