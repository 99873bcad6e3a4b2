"""Finding 3: the lineages' running means grow poor while nothing is gained."""

from itertools import pairwise

from orchestrator.detectors.evidence import Evidence
from orchestrator.detectors.plateau import recent_gain
from state.records import Finding

FALLS = 3
SHARE = 0.001
SEVERITY = 0.3


def inspect(evidence: Evidence) -> Finding | None:
    """The means' weight entropy fell three times in a row while the search loss was flat."""
    recent = evidence.entropy_history[-1 - FALLS :]
    if len(recent) <= FALLS or any(later >= earlier for earlier, later in pairwise(recent)):
        return None
    recently = recent_gain(evidence, FALLS, SHARE)
    if recently is None or not recently.is_flat:
        return None
    return Finding(
        detector="fusion_trap",
        severity=SEVERITY,
        value=recently.gain,
        limit=recently.least,
        reason=f"the running means lost {recent[0] - recent[-1]:.4f} nats of weight entropy in "
        f"{FALLS} generations, each some, which gained {recently.gain:.4f} bits per byte, under "
        f"{recently.least:.4f}",
    )
