"""Which tasks train as one. Imports no torch."""

from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import TypeAlias

from state.genome import is_gated
from state.tasks import Task, TrainingTask
from trainer.config import WorkerSetup
from trainer.ranks.spreading import why_whole

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
        "its batches are spread over devices": why_whole(task, setup) is None,
        "its gate changes": is_gated(task.genome) != is_gated(task.parent_genome),
    }
    return next((reason for reason, holds in hindrances.items() if holds), None)


def groups(tasks: Sequence[Task], setup: WorkerSetup, slots: int = 1) -> list[list[int]]:
    """Indices of tasks that are run together, in the order of the first of each.

    Where several workers wait, each has an even share of what could be one stack.
    """
    found: list[list[int]] = []
    open_groups: dict[Shape, list[int]] = {}
    shapes = [_shape(task, setup) for task in tasks]
    alike = Counter(shapes)
    for index, shape in enumerate(shapes):
        if shape is None:
            found.append([index])
            continue
        group = open_groups.get(shape)
        if group is None or len(group) == min(setup.stack, ceil(alike[shape] / slots)):
            group = open_groups[shape] = []
            found.append(group)
        group.append(index)
    return found


def _shape(task: Task, setup: WorkerSetup) -> Shape | None:
    """None where it is trained alone."""
    if not isinstance(task, TrainingTask) or why_alone(task, setup) is not None:
        return None
    return task.steps, task.threads, is_gated(task.genome)
