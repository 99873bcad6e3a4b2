"""Finding 3: fusion draws every lineage back from what it had reached."""

from orchestrator.detectors.evidence import Evidence, History
from orchestrator.detectors.plateau import recent_gain
from state.records import Finding

GENERATIONS = 3
SHARE = 0.001
SEVERITY = 0.3


def inspect(evidence: Evidence) -> Finding | None:
    """With fusion on, every lineage is behind its own best by more than the noise, and nothing was
    gained in three generations. Where fusion is off there are no entropies, and no trap.
    """
    behind = [_behind(history) for _, history in evidence.lineage_histories if history]
    recently = recent_gain(evidence, GENERATIONS, SHARE)
    if len(evidence.entropy_history) < GENERATIONS or not behind or recently is None:
        return None
    least = min(behind)
    if least <= recently.least or not recently.is_flat:
        return None
    return Finding(
        detector="fusion_trap",
        severity=SEVERITY,
        value=least,
        limit=recently.least,
        reason=f"every lineage is at least {least:.4f} bits per byte behind its own best, over "
        f"{recently.least:.4f}, and nothing was gained in {GENERATIONS} generations of fusion",
    )


def _behind(history: History) -> float:
    """How far the last generation is from the best one, in bits per byte."""
    return history[-1][1] - min(bits for _, bits, _ in history)
