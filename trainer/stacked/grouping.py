"""Which tasks train as one. Imports no torch."""

from collections.abc import Sequence
from typing import TypeAlias

from state.genome import is_gated
from state.tasks import Task, TrainingTask
from trainer.config import WorkerSetup

Shape: TypeAlias = tuple[int, int, bool]
"""Steps, threads, and whether there is a gate."""


def why_alone(task: Task, setup: WorkerSetup) -> str | None:
    """Why a task is not trained in a stack; None where it is."""
    if not isinstance(task, TrainingTask):
        return "it trains nothing"
    hindrances = {
        "stacks are off": setup.stack == 0,
        f"the backbone {setup.model.backbone} is recurrent": setup.model.backbone != "gpt",
        "it has instruments": setup.symbio is not None,
        "labels are smoothed": setup.optimizer.label_smoothing > 0,
        "its windows grow": setup.optimizer.first_length is not None,
        "it has teachers": bool(task.teachers),
        "its gate changes": is_gated(task.genome) != is_gated(task.parent_genome),
    }
    return next((reason for reason, holds in hindrances.items() if holds), None)


def groups(tasks: Sequence[Task], setup: WorkerSetup) -> list[list[int]]:
    """Indices of tasks that are run together, in the order of the first of each."""
    found: list[list[int]] = []
    open_groups: dict[Shape, list[int]] = {}
    for index, task in enumerate(tasks):
        if not isinstance(task, TrainingTask) or why_alone(task, setup) is not None:
            found.append([index])
            continue
        shape = (task.steps, task.threads, is_gated(task.genome))
        group = open_groups.get(shape)
        if group is None or len(group) == setup.stack:
            group = open_groups[shape] = []
            found.append(group)
        group.append(index)
    return found
