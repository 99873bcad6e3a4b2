"""The order to try a model with the inference battery."""

from orchestrator.config import RunConfig
from orchestrator.run_state import Dormant
from state.seeds import derive_seed
from state.tasks import BatteryTask


def battery_seed(config: RunConfig) -> int:
    """The same for every battery of a run, so that its models meet the same random numbers."""
    return derive_seed(config.seed, "battery")


def battery_task(
    config: RunConfig, model: Dormant, task_id: str, generation: int, *, whole: bool = False
) -> BatteryTask:
    """`whole` asks every prompt at every temperature."""
    return BatteryTask(
        task_id=task_id,
        phase=model.phase,
        generation=generation,
        genome=model.genome,
        checkpoint=model.checkpoint,
        seed=battery_seed(config),
        whole=whole,
        bits_per_byte=model.evaluation.bits_per_byte,
    )
