"""Reading the open generation of a search phase: its tasks, and what they measured."""

from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import evaluation_of, training_result, work_of
from state.records import Evaluation, Genome
from state.tasks import TrainingTask


def bits_per_byte(state: RunState, task_id: str) -> float | None:
    """Search bits per byte of a member after all its steps; None where it did not get there."""
    evaluation = search_evaluation(state, task_id)
    return evaluation.bits_per_byte if evaluation else None


def search_evaluation(state: RunState, task_id: str) -> Evaluation | None:
    """Search evaluation of a member after all its steps, which were cut in two or not."""
    result = training_result(state, task_id)
    return evaluation_of(result.evaluations, "search") if result else None


def tasks_of(state: RunState, lineage: int, role: str) -> list[TrainingTask]:
    """Tasks of a lineage in one role as they were planned, whole."""
    return [task for task in work_of(state).tasks if (task.lineage, task.role) == (lineage, role)]


def task_named(state: RunState, task_id: str) -> TrainingTask:
    """One of the first run's tasks."""
    return next(task for task in work_of(state).tasks if task.task_id == task_id)


def champion_bits(state: RunState, lineage: int) -> float | None:
    """Search bits per byte of the continued champion."""
    champions = tasks_of(state, lineage, "champion")
    return bits_per_byte(state, champions[0].task_id) if champions else None


def genomes_of(state: RunState) -> tuple[Genome, ...]:
    """Genomes of the generation, each of its members once."""
    again = ("null", "replicate")
    return tuple(task.genome for task in work_of(state).tasks if task.role not in again)
