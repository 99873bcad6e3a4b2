"""Finding 7: the phase has stopped improving."""

from orchestrator.detectors.evidence import Evidence
from state.records import Finding

IMPROVEMENT = 0.02
LONGEST_WAIT_STEPS = 2000
MINIMUM_GENERATIONS = 4


def inspect(evidence: Evidence) -> Finding | None:
    """Less than 2 % improvement between the halves of the phase, or no new best for
    min(2000, a quarter of the phase) steps. It carries no severity: standing still is no failure.
    """
    history = evidence.best_history
    if len(history) < MINIMUM_GENERATIONS:
        return None
    waited = evidence.steps_history[-1] - evidence.steps_history[history.index(min(history))]
    patience = min(LONGEST_WAIT_STEPS, evidence.allotted // 4)
    if waited >= patience > 0:
        return Finding(
            detector="stagnation",
            severity=0.0,
            value=waited,
            limit=patience,
            reason=f"no new best for {waited} steps",
        )
    middle = len(history) // 2
    gain = 1 - min(history[middle:]) / min(history[:middle])
    if gain >= IMPROVEMENT:
        return None
    return Finding(
        detector="stagnation",
        severity=0.0,
        value=gain,
        limit=IMPROVEMENT,
        reason=f"the second half of the phase improved on the first by {gain:.2%}",
    )
