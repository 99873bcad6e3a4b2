"""Finding 0, in the search phases: a lineage's search loss rises while its training loss falls."""

from orchestrator.detectors.evidence import Evidence
from orchestrator.detectors.slopes import WINDOW, least_rise, overfits, trend
from state.records import Finding

SEVERITY = 0.4


def inspect(evidence: Evidence) -> Finding | None:
    """Report the living lineage whose search loss rises fastest, if any rises beyond the noise."""
    trends = ((index, trend(history)) for index, history in evidence.lineage_histories)
    known = [(index, found) for index, found in trends if found is not None]
    limits = {
        index: least_rise(found, models=len(known), noise_sigma=evidence.noise_sigma)
        for index, found in known
    }
    rising = [(index, found) for index, found in known if overfits(found, limits[index])]
    if not rising:
        return None
    worst, found = max(rising, key=lambda pair: (pair[1].search, -pair[0]))
    return Finding(
        detector="lineage_overfitting",
        severity=SEVERITY,
        value=found.search,
        limit=limits[worst],
        lineage=worst,
        reason=f"search bits per byte of lineage {worst} rise by {found.search:.4f} a generation, "
        f"over {limits[worst]:.4f}, while its training loss falls by {-found.train:.4f} nats, "
        f"over the last {WINDOW}{_others([index for index, _ in rising if index != worst])}",
    )


def _others(lineages: list[int]) -> str:
    """The other lineages that overfit, in words."""
    if not lineages:
        return ""
    return "; so do those of " + ", ".join(str(index) for index in lineages)
