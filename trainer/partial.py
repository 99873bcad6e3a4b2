"""What a worker remembers of the open stage, and what its outcomes depend on besides the task."""

from pathlib import Path

from pydantic import JsonValue

from state.environment import fingerprint
from state.partial import PartialWork
from state.run_folder import RunFolder
from trainer.config import WorkerSetup

NOT_IN_THE_BITS = {"run_folder", "device_index", "snapshot_steps", "snapshot_seconds"}


def partial_work(setup: WorkerSetup) -> PartialWork:
    """The partial work of a worker with this setup, here. Imports no torch for a CPU."""
    context: dict[str, JsonValue] = {
        "setup": setup.model_dump(exclude=NOT_IN_THE_BITS),
        "environment": fingerprint(),
        "device": device_name(setup),
    }
    return PartialWork(RunFolder(Path(setup.run_folder)), context)


def device_name(setup: WorkerSetup) -> str:
    """What computes; the processor is in the environment's fingerprint."""
    if setup.device == "cpu":
        return "cpu"
    import torch

    return torch.cuda.get_device_name(setup.device_index)
