"""The lineage tree from the members that were measured."""

import re
from collections.abc import Iterator, Sequence

from orchestrator.figures.lineage import HOST, Birth, Lineages, Stay, lineage_figure
from orchestrator.figures.style import Figure
from orchestrator.report.page.clock import Clock
from orchestrator.report.page.evidence import Evidence
from orchestrator.report.page.plots import genomes_of
from state.records import MemberRecord

_SOURCE = re.compile(r"lineage (\d+)$")


def lineage(seen: Evidence, clock: Clock) -> Figure:
    """Champions of each lineage over the generations, what they took on, and the host."""
    host = [one for one in seen.members if one.role == "host"]
    return lineage_figure(
        Lineages(
            stays=tuple(_stays(seen.members)),
            births=tuple(births(seen.members)),
            lost=tuple((one.lineage, one.generation) for p in seen.phases for one in p.lost),
            merger=(host[0].lineage, host[0].generation) if host else None,
            spans=clock.spans_by_generation,
            formulas=tuple(one.formula for one in genomes_of(seen)),
        )
    )


def births(members: Sequence[MemberRecord]) -> Iterator[Birth]:
    """The accepted challengers, numbered in their order."""
    taken = (one for one in members if one.status == "accepted")
    for number, one in enumerate(taken, 1):
        source = _SOURCE.search(one.operator)
        where = int(source[1]) if source else None
        yield Birth(number, one.lineage, one.generation, one.genome.formula, where)


def _stays(members: Sequence[MemberRecord]) -> Iterator[Stay]:
    """Generations of the same formula that follow one another are one stay."""
    lanes = {one.lineage for one in members if one.role == "champion"}
    for lane in [*sorted(lanes), HOST]:
        stay: Stay | None = None
        for one in members:
            if _lane(one) != lane:
                continue
            formula, now = one.genome.formula, one.generation
            if stay is not None and stay.formula == formula and now <= stay.last + 1:
                stay = stay._replace(last=now)
                continue
            if stay is not None:
                yield stay
            stay = Stay(lane, now, now, formula)
        if stay is not None:
            yield stay


def _lane(one: MemberRecord) -> int | None:
    match one.role:
        case "champion":
            return one.lineage
        case "host":
            return HOST
        case _:
            return None
