"""Which tasks are spread over several devices. Imports no torch."""

from state.tasks import Task, TrainingTask
from trainer.config import WorkerSetup


def why_whole(task: Task, setup: WorkerSetup) -> str | None:
    """Why a task stays with one process; None where its batches are spread over several."""
    if setup.host_devices == 1:
        return "one device is the host's"
    if not isinstance(task, TrainingTask):
        return "it trains nothing"
    hindrances = {
        f"it trains a {task.role}, not a host": task.role not in {"host", "control"},
        "its instruments read whole batches": setup.symbio is not None,
        "states are handed from batch to batch": setup.model.stateful,
        "its activation changes": task.genome != task.parent_genome,
        "what its teachers say is a table": bool(task.teachers) and task.teaching == "table",
        "its batch does not divide": setup.optimizer.batch % setup.host_devices != 0,
    }
    return next((reason for reason, holds in hindrances.items() if holds), None)
