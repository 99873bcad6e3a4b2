"""Finding 6: too many steps are skipped because loss or gradient is not fit to use."""

from orchestrator.detectors.evidence import Evidence
from state.records import Finding

LIMIT = 0.25
SEVERITY = 0.3
# A share of fewer steps than this is too coarse to act on.
MINIMUM_STEPS = 8


def inspect(evidence: Evidence) -> Finding | None:
    """Share of skipped steps of the champions and hosts: they decide whether the rate is too high.

    A challenger that cannot train is quarantined alone.
    """
    kept = [one for one in evidence.members if one.role in ("champion", "host", "control")]
    steps = sum(one.steps for one in kept)
    skipped = sum(one.skipped_steps for one in kept)
    if steps < MINIMUM_STEPS or skipped / steps <= LIMIT:
        return None
    return Finding(
        detector="instability",
        severity=SEVERITY,
        value=skipped / steps,
        limit=LIMIT,
        reason=f"{skipped} of {steps} steps skipped, over {LIMIT:.0%}",
    )
