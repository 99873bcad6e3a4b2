"""Which updates are refused, and when a member is taken out of the search."""

from math import isfinite

QUARANTINE_SHARE = 0.35
QUARANTINE_MIN_STEPS = 8


def update_is_sound(loss: float, grad_norm: float, spike_threshold: float | None) -> bool:
    """Whether an update may reach the weights: finite, and no gradient spike.

    A non-finite gradient shows in its norm, so the norm stands for every element.
    """
    if not (isfinite(loss) and isfinite(grad_norm)):
        return False
    return spike_threshold is None or grad_norm <= spike_threshold


def must_be_quarantined(num_skipped: int, steps: int) -> bool:
    """More than 35 % of at least 8 steps were skipped: the member's result means nothing."""
    return steps >= QUARANTINE_MIN_STEPS and num_skipped > QUARANTINE_SHARE * steps


def finite_or_none(value: float) -> float | None:
    """What a metrics row may hold."""
    return value if isfinite(value) else None
