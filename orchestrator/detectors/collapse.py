"""Finding 2: the population has become one genome."""

from orchestrator.detectors.evidence import Evidence
from state.records import Finding

DISTANCE_SHARE = 0.3
DISTINCT_SHARE = 0.2
SEVERITY = 0.3
# With fewer members one far or near challenger decides the mean.
MINIMUM_POPULATION = 6


def inspect(evidence: Evidence) -> Finding | None:
    """Mean distance under 30 % of the phase's start, or at most 2 distinct genomes among 10."""
    if evidence.distance is None or evidence.population < MINIMUM_POPULATION:
        return None
    share = evidence.num_distinct / evidence.population
    if share <= DISTINCT_SHARE:
        return Finding(
            detector="collapse",
            severity=SEVERITY,
            value=share,
            limit=DISTINCT_SHARE,
            reason=f"{evidence.num_distinct} distinct genomes among {evidence.population}",
        )
    if not evidence.start_distance:
        return None
    ratio = evidence.distance / evidence.start_distance
    if ratio >= DISTANCE_SHARE:
        return None
    return Finding(
        detector="collapse",
        severity=SEVERITY,
        value=ratio,
        limit=DISTANCE_SHARE,
        reason=f"mean distance {evidence.distance:.3f} is {ratio:.2f} of the phase's start",
    )
