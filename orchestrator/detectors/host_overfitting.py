"""Finding 0: the host's search loss rises while its training loss falls."""

from orchestrator.detectors.evidence import Evidence
from orchestrator.detectors.slopes import WINDOW, least_rise, overfits, trend
from state.records import Finding

SEVERITY = 0.4


def inspect(evidence: Evidence) -> Finding | None:
    """Compare the least-squares slopes over the last five evaluations, per evaluation."""
    found = trend(evidence.host_history)
    if found is None:
        return None
    limit = least_rise(found)
    if not overfits(found, limit):
        return None
    return Finding(
        detector="host_overfitting",
        severity=SEVERITY,
        value=found.search,
        limit=limit,
        reason=f"search bits per byte rise by {found.search:.4f} an evaluation, over "
        f"{limit:.4f}, while the training loss falls by {-found.train:.4f} nats, "
        f"over the last {WINDOW}",
    )
