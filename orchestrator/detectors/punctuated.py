"""Finding 9: the search stands still, and the genomes lie far apart."""

from statistics import median

from orchestrator.detectors import stagnation
from orchestrator.detectors.evidence import Evidence
from state.records import Finding


def inspect(evidence: Evidence) -> Finding | None:
    """Stagnation with a mean distance above the phase's median: what is new is still being tried.

    It carries no severity and has no response: the search waits.
    """
    if evidence.distance is None or not evidence.distance_history:
        return None
    usual = median(evidence.distance_history)
    if evidence.distance <= usual or stagnation.inspect(evidence) is None:
        return None
    return Finding(
        detector="punctuated",
        severity=0.0,
        value=evidence.distance,
        limit=usual,
        reason=f"the search stands still, but the mean distance {evidence.distance:.3f} is above "
        f"the phase's median {usual:.3f}: wait",
    )
