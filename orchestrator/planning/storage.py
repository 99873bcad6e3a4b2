"""Memory and disk that a run takes."""

from collections.abc import Sequence

from orchestrator.config import RunConfig
from orchestrator.planning.rates import Rates
from orchestrator.planning.workload import Workload
from orchestrator.retention import BYTES_PER_GB
from state.base import Record
from state.genome import parse
from trainer.widths import num_parameters

FLOAT_BYTES = 4
CONTROLLER_BYTES = 200_000_000
"""The process that decides and writes; inline it is the worker too, and holds half of that more."""
RAY_BYTES = 350_000_000
"""Ray's own processes."""
RAY_WORKER_BYTES = 100_000_000
"""What Ray adds to a worker."""
ROW_BYTES = 750
"""Of a step: in the metrics store, in metrics.jsonl and in what else is told of it."""
TEXT_COPIES = 1.8
"""Text and tokens of the prepared dataset, in bytes of the text."""


class ModelBytes(Record):
    """What one model in training holds, tensor by tensor."""

    parameters: int
    weights: int
    gradients: int
    optimizer: int | None
    """Moments; None where nothing was measured."""
    activations: int | None
    """Kept from the forward pass of one step for the backward pass."""


class Memory(Record):
    """Resident memory at its peak."""

    model: ModelBytes
    worker: int | None
    workers: int
    everything: int | None
    """With the controller and Ray."""
    accelerator: int | None
    """Of one worker; None without an accelerator or a measurement."""


class Disk(Record):
    """The run's folder at its fullest."""

    checkpoint: int | None
    """One model with its optimizer."""
    checkpoints: int | None
    text: int
    records: int

    @property
    def everything(self) -> int | None:
        """All of it; None where no checkpoint was measured."""
        if self.checkpoints is None:
            return None
        return self.checkpoints + self.text + self.records


def model_bytes(config: RunConfig, formula: str, rates: Rates | None) -> ModelBytes:
    """Of the resolved model with this activation."""
    parameters = num_parameters(config.model, parse(formula))
    weights = FLOAT_BYTES * parameters
    return ModelBytes(
        parameters=parameters,
        weights=weights,
        gradients=weights,
        optimizer=max(0, rates.checkpoint_bytes - weights) if rates else None,
        activations=rates.activation_bytes if rates else None,
    )


def memory_of(config: RunConfig, formula: str, rates: Rates | None, slots: int) -> Memory:
    """Of all processes of the run."""
    everything = None
    if rates is not None:
        if config.engine.engine == "ray":
            each = rates.worker_bytes + RAY_WORKER_BYTES
            everything = slots * each + CONTROLLER_BYTES + RAY_BYTES
        else:
            everything = rates.worker_bytes + CONTROLLER_BYTES // 2
    return Memory(
        model=model_bytes(config, formula, rates),
        worker=rates.worker_bytes if rates else None,
        workers=slots,
        everything=everything,
        accelerator=rates.accelerator_bytes or None if rates else None,
    )


def disk_of(
    config: RunConfig, work: Sequence[Workload], rates: Rates | None, num_bytes: int
) -> Disk:
    """What is needed and what stays: older weights up to `--keep-gb`, and an open generation's."""
    one = rates.checkpoint_bytes if rates else None
    return Disk(
        checkpoint=one,
        checkpoints=None if one is None else _checkpoint_bytes(config, work, one),
        text=round(TEXT_COPIES * num_bytes),
        records=ROW_BYTES * config.budget * (1 + len(config.control)),
    )


def _checkpoint_bytes(config: RunConfig, work: Sequence[Workload], one: int) -> int:
    """`needed` counts lineages, dormant copies, champions of phase ends and an open generation."""
    kept = sum(part.checkpoints for part in work) * one
    lineages = config.evolution.lineages if config.mode == "phases" else 1
    champions = len(work) * lineages + config.evolution.num_dormant
    open_stage = max(part.at_once for part in work)
    needed = min(kept, champions * one)
    older = min(max(0, kept - needed), round(config.keep_gb * BYTES_PER_GB))
    return needed + older + open_stage * one
