"""Building the training tasks that the stages share."""

from typing import NamedTuple

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.evolution.kuramoto import order_parameter
from orchestrator.run_state import LineageState, RunState
from orchestrator.schedule import lineage_span
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.current import configured_phase, current_phase
from state.records import Genome, Role
from state.tasks import BatchKey, Fusion, LearningRateSpan, TrainingTask


class Stint(NamedTuple):
    """What one member of a lineage does in a generation."""

    name: str
    """Last part of the task's id."""
    role: Role
    steps: int
    purpose: str
    """Names the stream of batches; members that are compared share it."""
    genome: Genome | None = None
    """The activation to train with; None keeps the champion's."""
    threads: int = 1
    save: bool = True
    morph_within: int | None = None
    """Steps of which the morph takes its share; None: all of them."""


def lineage_task(
    state: RunState, config: RunConfig, lineage: LineageState, stint: Stint, cost: int
) -> TrainingTask:
    """Train from the lineage's champion; `cost` is what the whole generation will likely take."""
    settings, parts = phase_of(state).settings, config.evolution.parts
    genome = stint.genome or lineage.genome
    return TrainingTask(
        task_id=f"g{state.generation:05d}-l{lineage.index}-{stint.name}",
        phase=current_phase(state, config),
        generation=state.generation,
        lineage=lineage.index,
        role=stint.role,
        genome=genome,
        parent=lineage.checkpoint,
        parent_genome=lineage.genome,
        init_seed=lineage.init_seed,
        first_step=lineage.age_steps + 1,
        steps=stint.steps,
        morph_steps=_morph_steps(stint) if genome != lineage.genome and parts.morph else 0,
        fusion=_fusion(state, config, lineage),
        batches=BatchKey(
            seed=config.seed,
            lineage=lineage.index,
            generation=state.generation,
            purpose=stint.purpose,
        ),
        learning_rate=_span(state, config, lineage, cost),
        lr_scale=settings.lr_scale,
        clip_scale=settings.clip_scale,
        dropout=settings.dropout,
        threads=stint.threads,
        save=stint.save,
    )


def _morph_steps(stint: Stint) -> int:
    """Half of the steps that it has to become the new activation."""
    return max(1, (stint.morph_within or stint.steps) // 2)


def _fusion(state: RunState, config: RunConfig, lineage: LineageState) -> Fusion | None:
    """How far the lineage is drawn to its running mean: the more, the more the lineages agree."""
    phase = configured_phase(state, config)
    if not config.evolution.fusion or not any(phase.fusion) or lineage.checkpoint is None:
        return None
    (least, most), angles = phase.fusion, state.oscillators
    r = order_parameter(angles.phases)[0] if angles else 0.0
    strength = phase_of(state).settings.fusion_scale * (least + (most - least) * r)
    return Fusion(mean=lineage.consensus, rate=phase.fusion_rate, strength=min(1.0, strength))


def _span(state: RunState, config: RunConfig, lineage: LineageState, cost: int) -> LearningRateSpan:
    phase = current_phase(state, config)
    entry = books.line(state.ledger, phase)
    before = phase_of(state).settled_before
    total = max(1, entry.allotted - before)
    spent = entry.settled - before
    progress = (spent / total, min(1.0, (spent + cost) / total))
    return lineage_span(config, phase, age_steps=lineage.age_steps, progress=progress)
