"""Finding 0: the host's search loss rises while its training loss falls."""

import numpy as np

from orchestrator.detectors.evidence import Evidence
from state.records import Finding

WINDOW = 5
SEVERITY = 0.4


def inspect(evidence: Evidence) -> Finding | None:
    """Compare the least-squares slopes over the last five evaluations, per evaluation."""
    recent = [entry for entry in evidence.host_history[-WINDOW:] if entry[2] is not None]
    if len(recent) < WINDOW:
        return None
    search = _slope([entry[1] for entry in recent])
    train = _slope([entry[2] for entry in recent if entry[2] is not None])
    if search <= 0 or train >= 0:
        return None
    return Finding(
        detector="host_overfitting",
        severity=SEVERITY,
        value=search,
        limit=0.0,
        reason=f"search bits per byte rise by {search:.4f} an evaluation while the training loss "
        f"falls by {-train:.4f} nats, over the last {WINDOW}",
    )


def _slope(values: list[float]) -> float:
    return float(np.polyfit(np.arange(len(values)), np.asarray(values), 1)[0])
