"""Finding 5: challengers do not win back what the change of structure cost them."""

from orchestrator.detectors.evidence import Evidence
from state.records import Finding

WINDOW = 3
LIMIT = 0.5
MINIMUM_JUMPS = 3
SEVERITY = 0.2


def inspect(evidence: Evidence) -> Finding | None:
    """More than half of the jumps of the last three generations were not won back."""
    recent = evidence.transfer_history[-WINDOW:]
    jumps = sum(jumped for jumped, _ in recent)
    lost = sum(not_won_back for _, not_won_back in recent)
    if jumps < MINIMUM_JUMPS or lost / jumps <= LIMIT:
        return None
    return Finding(
        detector="transfer",
        severity=SEVERITY,
        value=lost / jumps,
        limit=LIMIT,
        reason=f"{lost} of {jumps} challengers whose loss jumped at the switch did not win it "
        f"back, over {LIMIT:.0%}",
    )
