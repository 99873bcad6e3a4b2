"""Finding 3: fusion draws a lineage back from what it had reached."""

from orchestrator.detectors.evidence import Evidence, History
from state.records import Finding

GENERATIONS = 3
SHARE = 0.001
"""Of the best loss; what must be lost where the noise is unknown."""
SEVERITY = 0.3


def inspect(evidence: Evidence) -> Finding | None:
    """With fusion on, a lineage has been behind its own best for three generations, by more than
    the noise each time. Where fusion is off there are no entropies, and no trap.
    """
    lost = [(_lost(history), index) for index, history in evidence.lineage_histories]
    known = [(value, index) for value, index in lost if value is not None]
    if len(evidence.entropy_history) < GENERATIONS or not known:
        return None
    worst, lineage = max(known)
    sigma = evidence.noise_sigma
    limit = SHARE * min(evidence.best_history) if sigma is None else sigma
    if worst <= limit:
        return None
    return Finding(
        detector="fusion_trap",
        severity=SEVERITY,
        value=worst,
        limit=limit,
        lineage=lineage,
        reason=f"lineage {lineage} has been at least {worst:.4f} bits per byte behind its own best "
        f"for {GENERATIONS} generations of fusion, over {limit:.4f}",
    )


def _lost(history: History) -> float | None:
    """How far the best of the last generations is behind the best before them."""
    bits = [value for _, value, _ in history]
    if len(bits) <= GENERATIONS:
        return None
    return min(bits[-GENERATIONS:]) - min(bits[:-GENERATIONS])
