"""How many tokens are read in one go: short at first, then twice as many, up to the block.

The windows of a batch are cut, so that every step has as many tokens as ever, and its plan of time
and memory holds.

Shapes: B windows, T positions of the block, L positions that are read in one go.
"""

from math import log2
from typing import TYPE_CHECKING

from trainer.config import ModelConfig, OptimizerConfig

if TYPE_CHECKING:
    from trainer.member import Batch

WARMUPS = 4
"""Over how many warm-ups the length grows, where nothing else is said."""


def length_at(optimizer: OptimizerConfig, block: int, age: int) -> int:
    """The length at an age in steps; each length lasts as long as the next."""
    if optimizer.first_length is None:
        return block
    doublings = round(log2(block / optimizer.first_length))
    steps = optimizer.length_steps or WARMUPS * max(1, optimizer.warmup or 0)
    return int(optimizer.first_length << min(doublings, doublings * age // steps))


def cut(batch: "Batch", length: int) -> "Batch":
    """The same tokens in windows of `length`, which divides theirs."""
    taught = batch.taught
    return batch._replace(
        inputs=batch.inputs.reshape(-1, length),
        targets=batch.targets.reshape(-1, length),
        taught=None if taught is None else taught.reshape(-1, length, taught.shape[-1]),
        past=None,
    )


def require_lengths(optimizer: OptimizerConfig, model: ModelConfig) -> None:
    """Refuse a first length from which no doubling leads to the block.

    Raises:
        ValueError: that, or states are to be handed from window to window.
    """
    first, block = optimizer.first_length, model.block
    if first is None:
        return
    if model.stateful:
        raise ValueError(
            "optimizer.first_length cuts the windows that --stateful hands states between; "
            "leave one of them out"
        )
    times = block // first
    if block % first or times & (times - 1):
        halves = [block >> n for n in range(1, block.bit_length()) if block % (1 << n) == 0]
        near = ", ".join(str(one) for one in halves if one > 1) or "none"
        raise ValueError(
            f"optimizer.first_length {first} doubled again and again does not reach the block "
            f"{block}; give one of {near}"
        )
