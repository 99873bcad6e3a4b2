"""The gates of what a model has reached (G5, and the documents' G3.6)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from orchestrator.validation.limits import Limits
from orchestrator.validation.subject import Subject
from state.validation import Measure, Verdict

Curve = Sequence[tuple[int, float]]
"""(steps, loss) in order of the steps."""

BASELINE_STEPS = 10_000
SMALL_PARAMETERS = (6_000_000, 10_000_000)
"""What the documents call 8M."""


class Reached(NamedTuple):
    """What an absolute limit is about."""

    nats: float
    """Per token, on the search split."""
    steps: int
    parameters: int


def judge_loss(
    curve: Curve,
    reference: Curve,
    limits: Limits,
    subject: Subject,
    reached: Reached | None = None,
) -> Verdict:
    """G5. Without a reference it can warn and fail, where the loss turns up, and cannot pass."""
    if not curve:
        return subject.not_judged("G5", "the search loss was never measured")
    if limits.nats is not None:
        measures: tuple[Measure, ...] = (_absolute(limits, reached), _diverging(curve, limits))
    else:
        measures = (_against(curve, reference, limits), _diverging(curve, limits))
    return subject.verdict("G5", measures, n=len(curve), unit="evaluations")


def judge_baseline(curve: Curve, reached: Reached, limits: Limits, subject: Subject) -> Verdict:
    """G3.6 of the documents: 10,000 steps within a fifth of the loss of their earlier version."""
    if limits.baseline_nats is None or reached.steps < BASELINE_STEPS:
        return subject.not_judged(
            "G3.6", f"{reached.steps:,} steps; it is asked after {BASELINE_STEPS:,}"
        )
    measures = (
        limits.baseline_nats.measure("nats per token", reached.nats),
        _diverging(curve, limits),
    )
    return subject.verdict("G3.6", measures, n=len(curve), unit="evaluations")


def at_equal_steps(curve: Curve, reference: Curve) -> tuple[int, float, float] | None:
    """The last common step: (steps, loss, the reference's loss there); None without one."""
    for steps, loss in reversed(curve):
        other = _between(reference, steps)
        if other is not None:
            return steps, loss, other
    return None


def _against(curve: Curve, reference: Curve, limits: Limits) -> Measure:
    name = "loss over the reference's"
    found = at_equal_steps(curve, reference)
    if found is None:
        why = "there is no gpt run on gelu at these steps"
        return Measure(name=name, value=None, limit=why, verdict="not judged")
    steps, loss, other = found
    return limits.loss.measure(f"{name} at step {steps:,}", loss / other if other else None)


def _diverging(curve: Curve, limits: Limits) -> Measure:
    best = min(loss for _, loss in curve)
    last = curve[-1][1]
    return limits.loss.measure("last loss over the run's best", last / best if best else None)


def _absolute(limits: Limits, reached: Reached | None) -> Measure:
    assert limits.nats is not None
    low, high = SMALL_PARAMETERS
    if reached is None or not low <= reached.parameters <= high:
        why = f"asked of {low:,} to {high:,} parameters"
        return Measure(name="nats per token", value=None, limit=why, verdict="not judged")
    return limits.nats.measure("nats per token", reached.nats)


def _between(reference: Curve, steps: int) -> float | None:
    """The reference's loss at a step, by a straight line; None outside of what was measured."""
    for (before, low), (after, high) in pairwise(reference):
        if before <= steps <= after:
            share = (steps - before) / (after - before) if after > before else 1.0
            return low + share * (high - low)
    return next((loss for one, loss in reference if one == steps), None)
