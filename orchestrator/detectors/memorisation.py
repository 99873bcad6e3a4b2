"""Finding 1: a candidate's search loss exceeds its training loss more than its champion's does."""

from orchestrator.detectors.evidence import Evidence, MemberEvidence
from state.records import Finding

LIMIT = 1.10
SEVERITY = 0.4


def inspect(evidence: Evidence) -> Finding | None:
    """Report the challenger whose ratio of search to training loss is furthest beyond its
    champion's, if by more than 10 %.
    """
    champions = {one.lineage: _ratio(one) for one in evidence.members if one.role == "champion"}
    worst: tuple[float, MemberEvidence] | None = None
    for one in evidence.members:
        own, reference = _ratio(one), champions.get(one.lineage)
        if one.role != "challenger" or own is None or reference is None:
            continue
        excess = own / reference
        if worst is None or excess > worst[0]:
            worst = (excess, one)
    if worst is None or worst[0] <= LIMIT:
        return None
    excess, member = worst
    return Finding(
        detector="memorisation",
        severity=SEVERITY,
        value=excess,
        limit=LIMIT,
        lineage=member.lineage,
        reason=f"{member.member_id} has {excess:.2f} times its champion's ratio of search to "
        f"training loss, over {LIMIT:.2f}",
    )


def _ratio(member: MemberEvidence) -> float | None:
    if not member.train_loss or member.search_loss is None:
        return None
    return member.search_loss / member.train_loss
