"""The batch size answers the alarms; after a calm while it goes back to what was asked for."""

from typing import Literal, NamedTuple

from trainer.instruments.config import SymbioConfig
from trainer.instruments.cusum_panel import CLIP_UP, GRAD_UP, THROUGHPUT_DOWN

CALM_STEPS = 200
"""Steps without an alarm that earn one step back."""

BatchReason = Literal[
    "cusum_grad_spike", "cusum_throughput_drop", "cusum_clip_onset", "manual", "calm_return"
]
"""Why the next step's batch has another size; `manual`: somebody set it."""


class BatchDecision(NamedTuple):
    """The batch of the next step."""

    size: int
    """Windows."""
    reason: BatchReason | None
    """None: the size stays."""
    calm_steps: int
    """Steps without an alarm since the last alarm or step back."""


def adapt_batch(
    alerts: int,
    size: int,
    original: int,
    calm_steps: int,
    config: SymbioConfig,
    *,
    adapt_to_throughput: bool,
) -> BatchDecision:
    """The size of the next batch, from the alarms of this step.

    A gradient spike goes before a slow-down, and both before clipping: a spike clips too, and
    the larger batch that clipping asks for would be the wrong answer. An alarm of throughput
    counts only under `adapt_to_throughput`, not even against calm: it comes from the clock.
    """
    if not config.adaptive_batch:
        return BatchDecision(size, None, 0)
    if not adapt_to_throughput:
        alerts &= ~THROUGHPUT_DOWN
    if not alerts:
        return _calm(size, original, calm_steps + 1, config.batch_step)
    if alerts & GRAD_UP:
        return _changed(size, _smaller(size, config), "cusum_grad_spike")
    if alerts & THROUGHPUT_DOWN:
        return _changed(size, _smaller(size, config), "cusum_throughput_drop")
    if alerts & CLIP_UP:
        return _changed(size, _larger(size, config), "cusum_clip_onset")
    return BatchDecision(size, None, 0)


def _calm(size: int, original: int, calm_steps: int, step: int) -> BatchDecision:
    if calm_steps < CALM_STEPS:
        return BatchDecision(size, None, calm_steps)
    back = max(original, size - step) if size > original else min(original, size + step)
    return _changed(size, back, "calm_return")


def _changed(size: int, new_size: int, reason: BatchReason) -> BatchDecision:
    return BatchDecision(new_size, reason if new_size != size else None, 0)


def _smaller(size: int, config: SymbioConfig) -> int:
    """A size that was asked for below the least one stays."""
    return max(min(size, config.batch_min), size - config.batch_step)


def _larger(size: int, config: SymbioConfig) -> int:
    return min(max(size, config.batch_max), size + config.batch_step)
