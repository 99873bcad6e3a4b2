"""Finding 8: the search draws what it has tried before and accepts nothing."""

from orchestrator.detectors.evidence import Evidence
from state.records import Finding

WINDOW = 5
LIMIT = 0.8


def inspect(evidence: Evidence) -> Finding | None:
    """Nothing accepted in five generations and more than four fifths of the draws known.

    It carries no severity: a search that is over is no failure.
    """
    draws = evidence.draw_history[-WINDOW:]
    accepted = evidence.accepted_history[-WINDOW:]
    if min(len(draws), len(accepted)) < WINDOW or any(accepted):
        return None
    known = sum(repeats for _, repeats in draws)
    total = known + sum(new for new, _ in draws)
    if total == 0 or known / total <= LIMIT:
        return None
    return Finding(
        detector="exhaustion",
        severity=0.0,
        value=known / total,
        limit=LIMIT,
        reason=f"nothing accepted in {WINDOW} generations and {known} of {total} draws known",
    )
