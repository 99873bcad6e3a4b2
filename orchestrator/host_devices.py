"""Over how many devices of one machine a host's batches are spread, and why over no more. Pure."""

from orchestrator.cluster_fit import is_away
from orchestrator.config import EngineConfig, RunConfig


def with_host_devices(config: RunConfig, gpus: int) -> EngineConfig:
    """The engine with a number of devices; `auto` takes as many GPUs as divide the batch.

    `gpus` are those of this machine; 0 on a CPU, where as many processes share the cores.

    Raises:
        ValueError: more than one is asked for and cannot be.
    """
    wanted, batch = config.engine.host_devices, config.optimizer.batch
    hindrance = _hindrance(config)
    if wanted == "auto":
        most = 1 if hindrance else max(1, gpus)
        wanted = next(count for count in range(most, 0, -1) if batch % count == 0)
    elif wanted > 1:
        if config.engine.device == "cuda" and not is_away(config.engine) and wanted > gpus:
            hindrance = f"this machine shows {gpus} GPU(s); give at most so many"
        elif batch % wanted:
            hindrance = f"the batch of {batch} windows does not divide by it; change --batch"
        if hindrance:
            raise ValueError(f"--host-devices {wanted}: {hindrance}")
    return config.engine.model_copy(update={"host_devices": wanted})


def _hindrance(config: RunConfig) -> str | None:
    """Why no host of this run can be spread; None where it can."""
    reasons = {
        "the workers of a cluster see one device each; leave out --ray-address": is_away(
            config.engine
        ),
        "the instruments of --symbio read whole batches; leave one of the two out": (
            config.train.symbio is not None
        ),
        "--stateful hands states from batch to batch; leave one of the two out": (
            config.model.stateful
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)
