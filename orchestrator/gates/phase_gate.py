"""The gate after a phase: is what it made worse than the best so far?

Paired differences over the blocks of the search split, resampled: the interval says what the data
can tell. Battery composites are reported beside it and do not enter.
"""

import numpy as np

from orchestrator.config import GateConfig
from orchestrator.run_state import Gate
from state.base import Record
from state.records import Evaluation
from state.seeds import generator


class Deficit(Record):
    """How much worse the candidate is, relative to the reference, with its interval."""

    mean: float
    low: float
    high: float


def paired_deficit(
    candidate: Evaluation, reference: Evaluation, config: GateConfig, seed: int
) -> Deficit:
    """Relative deficit in bits per byte, (candidate - reference) / reference; positive is worse.

    A block bootstrap over the stretches that both evaluations share: neighbouring windows are
    correlated, stretches much less.
    """
    assert len(candidate.blocks) == len(reference.blocks), "evaluations of different splits"
    ours, theirs = (np.array([nats for nats, _ in one.blocks]) for one in (candidate, reference))
    rng = generator(seed, "gate bootstrap")
    draws = rng.integers(len(ours), size=(config.resamples, len(ours)))
    deficits = ours[draws].sum(axis=1) / theirs[draws].sum(axis=1) - 1
    tail = (1 - config.level) / 2
    low, high = np.quantile(deficits, [tail, 1 - tail])
    return Deficit(mean=float(ours.sum() / theirs.sum() - 1), low=float(low), high=float(high))


def judge(deficit: Deficit | None, *, config: GateConfig, refusal: str = "") -> Gate:
    """Pass unless shown to be worse; then retry if there is room, else go back.

    Args:
        deficit: to the best copy so far; None when there is none to compare with or go back to.
        config: the slack.
        refusal: why the phase is not begun again; empty when it may be.
    """
    if deficit is None:
        return Gate(verdict="pass", reason="nothing to compare with yet")
    reason = (
        f"{deficit.mean:+.2%} bits per byte against the best so far, "
        f"interval {deficit.low:+.2%} to {deficit.high:+.2%}, "
        f"slack {config.bits_per_byte_slack:.2%}"
    )
    numbers = {
        "deficit": deficit.mean,
        "low": deficit.low,
        "high": deficit.high,
        "level": config.level,
        "slack": config.bits_per_byte_slack,
    }
    if deficit.low <= config.bits_per_byte_slack:
        return Gate(verdict="pass", reason=reason, numbers=numbers)
    if not refusal:
        return Gate(verdict="retry", reason=reason, numbers=numbers)
    return Gate(verdict="revert", reason=f"{reason}; {refusal}", numbers=numbers)
