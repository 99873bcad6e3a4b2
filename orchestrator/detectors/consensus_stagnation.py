"""Finding 10: the lineages are locked and none of them gets anywhere."""

from orchestrator.detectors.evidence import Evidence
from orchestrator.detectors.plateau import recent_gain
from state.records import Finding

GENERATIONS = 3
"""As many as the rule of locking looks back."""
SHARE = 0.0005


def inspect(evidence: Evidence) -> Finding | None:
    """Locked synchrony, and less gained while it was locked than the noise can tell."""
    recently = recent_gain(evidence, GENERATIONS, SHARE) if evidence.locked else None
    if recently is None or not recently.is_flat:
        return None
    return Finding(
        detector="consensus_stagnation",
        severity=0.0,
        value=recently.gain,
        limit=recently.least,
        reason=f"the lineages are locked and gained {recently.gain:.4f} bits per byte in "
        f"{GENERATIONS} generations, under {recently.least:.4f}",
    )
