"""Finding 4: large graphs gain on the training text and lose on the search split."""

from functools import lru_cache
from math import comb

from orchestrator.detectors.evidence import Evidence
from state.records import Finding

LARGE_GRAPH = 6
"""Graphs of more nodes are asked whether they only fit the training text."""
WINDOW = 24
# Challengers of one lineage share their champion's luck: fewer may be one champion's.
MINIMUM_PAIRS = 8
LEVEL = 0.05
SEVERITY = 0.2


def inspect(evidence: Evidence) -> Finding | None:
    """One-sided sign test over the last 24 large challengers.

    A graph that fits the training text no better than its champion gains there at most every
    second time. So at most every second one does both, however the two gains are correlated and
    whatever their noise. A gain of exactly zero counts for the graph.
    """
    recent = evidence.complex_history[-WINDOW:]
    if len(recent) < MINIMUM_PAIRS:
        return None
    both = sum(train > 0 > search for train, search in recent)
    limit = least_significant(len(recent))
    if both < limit:
        return None
    return Finding(
        detector="complexity",
        severity=SEVERITY,
        value=both,
        limit=limit,
        reason=f"{both} of the last {len(recent)} large graphs gain on the training text and lose "
        f"on the search split; {limit} are too many for chance",
    )


@lru_cache(maxsize=WINDOW)
def least_significant(pairs: int) -> int:
    """The smallest count that fair coins reach with probability 5 % at most."""
    tail, count = 0, pairs + 1
    while tail + comb(pairs, count - 1) <= LEVEL * 2**pairs:
        count -= 1
        tail += comb(pairs, count)
    return count
