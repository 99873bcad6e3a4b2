"""The gate after a phase: is what it made worse than the best so far?

Two measures, each as a paired difference with a bootstrap interval that says what the data can
tell: bits per byte over the blocks of the search split, and the composite over the prompts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from inference_battery.intervals import Interval, shortfall
from orchestrator.gate_config import GateConfig
from orchestrator.gates.standing import has_collapsed
from orchestrator.run_state import Dormant, Gate
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


class Comparison(NamedTuple):
    """The phase's champion against the best copy so far."""

    deficit: Deficit
    composite: Interval | None
    """How far its composite lies below; None where the two do not compare."""
    collapsed: bool
    """Its composite is a small part of the other's."""


def compare(
    candidate: Dormant, kept: Sequence[Dormant], config: GateConfig, seed: int
) -> Comparison:
    """In bits per byte against the best copy that was kept, in writing against the best one whose
    battery compares: one that failed must not end the veto.
    """
    written = written_of(candidate, kept, config)
    return Comparison(
        deficit=paired_deficit(candidate.evaluation, kept[0].evaluation, config, seed),
        composite=written[0] if written else None,
        collapsed=written is not None and written[1],
    )


def written_of(
    candidate: Dormant, kept: Sequence[Dormant], config: GateConfig
) -> tuple[Interval, bool] | None:
    """How far the candidate writes worse, and whether it has collapsed; None where nothing
    compares.
    """
    for one in kept:
        if candidate.battery is None or one.battery is None:
            continue
        found = shortfall(candidate.battery, one.battery, config.level, config.resamples)
        if found is not None:
            return found, has_collapsed(candidate.battery, one.battery, config)
    return None


def writes_worse(candidate: Dormant, kept: Sequence[Dormant], config: GateConfig) -> bool:
    """Shown to write worse than what was kept, by more than the slack, or collapsed."""
    written = written_of(candidate, kept, config)
    return written is not None and _writing_fails(*written, config)


def judge(found: Comparison | None, *, config: GateConfig, refusal: str = "") -> Gate:
    """Pass unless shown to be worse; then retry if there is room, else go back.

    A collapse goes back at once: the same phase would begin with the same champion.

    Args:
        found: against the best copy so far; None when there is none.
        config: the slacks.
        refusal: why the phase is not begun again; empty when it may be.
    """
    if found is None:
        return Gate(verdict="pass", reason="nothing to compare with yet")
    reason, numbers = _reason(found, config), _numbers(found, config)
    if found.collapsed:
        reason = f"{reason}; its composite is below {config.composite_collapse:.0%} of the best"
        return Gate(verdict="revert", reason=reason, numbers=numbers)
    if not _is_worse(found, config):
        return Gate(verdict="pass", reason=reason, numbers=numbers)
    if not refusal:
        return Gate(verdict="retry", reason=reason, numbers=numbers)
    return Gate(verdict="revert", reason=f"{reason}; {refusal}", numbers=numbers)


def _is_worse(found: Comparison, config: GateConfig) -> bool:
    """Shown to be worse on either measure, by more than its slack."""
    fails = _writing_fails(found.composite, found.collapsed, config)
    return found.deficit.low > config.bits_per_byte_slack or fails


def _writing_fails(behind: Interval | None, collapsed: bool, config: GateConfig) -> bool:
    return collapsed or (behind is not None and behind.low > config.composite_slack)


def _reason(found: Comparison, config: GateConfig) -> str:
    deficit = found.deficit
    reason = (
        f"{deficit.mean:+.2%} bits per byte against the best so far, "
        f"interval {deficit.low:+.2%} to {deficit.high:+.2%}, "
        f"slack {config.bits_per_byte_slack:.2%}"
    )
    if found.composite is None:
        return reason
    mean, low, high = found.composite
    return (
        f"{reason}; composite {-mean:+.3f}, interval {-high:+.3f} to {-low:+.3f}, "
        f"slack {config.composite_slack:.3f}"
    )


def _numbers(found: Comparison, config: GateConfig) -> dict[str, float]:
    numbers = {
        "deficit": found.deficit.mean,
        "low": found.deficit.low,
        "high": found.deficit.high,
        "level": config.level,
        "slack": config.bits_per_byte_slack,
    }
    if found.composite is None:
        return numbers
    return numbers | {
        "composite_deficit": found.composite.mean,
        "composite_low": found.composite.low,
        "composite_high": found.composite.high,
        "composite_slack": config.composite_slack,
    }
