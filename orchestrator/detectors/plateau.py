"""What counts as no gain: less than the noise can tell."""

from typing import NamedTuple

from orchestrator.detectors.evidence import Evidence


class Gain(NamedTuple):
    """Improvement of the best search loss over some generations, in bits per byte."""

    gain: float
    least: float
    """What it must reach to be one."""

    @property
    def is_flat(self) -> bool:
        """True when nothing was gained that the noise could not have given."""
        return self.gain < self.least


def recent_gain(evidence: Evidence, generations: int, share: float) -> Gain | None:
    """Gain of the last generations against one sigma of the noise; None while they are too few.

    Where the noise is unknown the gain must reach `share` of the loss.
    """
    history = evidence.best_history
    if len(history) <= generations:
        return None
    before = history[-1 - generations]
    sigma = evidence.noise_sigma
    return Gain(before - history[-1], share * before if sigma is None else sigma)
