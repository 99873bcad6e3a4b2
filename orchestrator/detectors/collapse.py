"""Finding 2: the population has become one genome."""

from orchestrator.detectors.evidence import Evidence
from state.records import Finding

DISTANCE = 0.12
"""Mean functional distance. A share of the phase's first generation is no limit: among six members
that distance hangs on a single far challenger.
"""
GENERATIONS = 2
DISTINCT_SHARE = 0.2
SEVERITY = 0.3
# With fewer members one far or near challenger decides the mean.
MINIMUM_POPULATION = 6


def inspect(evidence: Evidence) -> Finding | None:
    """Mean distance under .12 twice running, or at most 2 distinct genomes among 10."""
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
    recent = evidence.distance_history[-GENERATIONS:]
    if len(recent) < GENERATIONS or max(recent) >= DISTANCE:
        return None
    return Finding(
        detector="collapse",
        severity=SEVERITY,
        value=max(recent),
        limit=DISTANCE,
        reason=f"mean distance under {DISTANCE} in {GENERATIONS} generations, now "
        f"{evidence.distance:.3f}",
    )
