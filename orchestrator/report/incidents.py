"""One line for each thing that happened in a phase: found, decided, accepted, lost."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from orchestrator.report.escape import code, inline
from orchestrator.report.final_report import PhaseSummary, SlownessSummary
from orchestrator.report.quantities import bpb
from orchestrator.report.wording import (
    changes,
    collapse,
    counted,
    detector,
    found,
    generations,
    lateness,
    listed,
)
from state.records import Decision, Finding, MemberRecord, Synchrony

MAX_GENOMES = 3
"""Accepted genomes that are told of one by one."""
NOTHING = "nothing calls for a change"


class Incident(NamedTuple):
    """Something that happened in a generation."""

    generation: int
    rank: int
    """0 is told first where there is no room for all."""
    text: str


def incidents(
    phase: PhaseSummary,
    before: Sequence[PhaseSummary],
    members: Sequence[MemberRecord],
    synchrony: Sequence[Synchrony],
    slowness: SlownessSummary,
) -> list[Incident]:
    """All of them in the order of their generations; `before` are the phases before it."""
    own = [one for one in members if one.phase == phase.name and _within(phase, one.generation)]
    told = [
        *_decisions(phase, before),
        *_unanswered(phase),
        *_accepted(own),
        *_none_accepted(phase, own),
        *_lost(phase),
        *_in_step(phase, synchrony),
        *_slow(phase, slowness),
    ]
    return sorted(told, key=lambda one: one.generation)


def copy_of(before: Sequence[PhaseSummary]) -> str:
    """The copy to which a run goes back, in words: the best that a gate let pass."""
    passed = [one for one in before if one.gate is not None and one.gate.verdict == "pass"]
    measured = [(one.bits_per_byte, one) for one in passed if one.bits_per_byte is not None]
    if not measured:
        return "the best copy"
    copy = min(measured, key=lambda pair: pair[0])[1]
    last = _last(copy)
    where = f"of {copy.name.capitalize()}"
    if last is not None:
        where = f"of generation {last} {where}"
    return f"the copy {where}, {bpb(copy.bits_per_byte)} bits per byte"


def _last(phase: PhaseSummary) -> int | None:
    first = phase.first_generation
    return None if first is None else first + max(0, phase.generations - 1)


def _within(phase: PhaseSummary, generation: int) -> bool:
    """Always, in a report that does not say which generations were the phase's."""
    first, last = phase.first_generation, _last(phase)
    return first is None or last is None or first <= generation <= last


def _decisions(phase: PhaseSummary, before: Sequence[PhaseSummary]) -> Iterator[Incident]:
    ends = [one for one in phase.decisions if one.kind == "advance"]
    for one in phase.decisions:
        if one.kind == "advance" and one is not ends[0]:
            continue
        rank = 2 if one.kind in ("adapt", "continue") else 0
        yield Incident(one.generation, rank, _decided(one, phase, before))


def _decided(one: Decision, phase: PhaseSummary, before: Sequence[PhaseSummary]) -> str:
    reason, changed = inline(one.reason), changes(one.adjustments)
    match one.kind:
        case "adapt" | "continue":
            return _adapted(one, phase)
        case "extend":
            told = f"one generation more: {reason}"
        case "advance":
            told = f"the search ended: {reason}"
        case "revert":
            told = f"the run went back to {copy_of(before)}: {reason}"
        case _:
            told = f"{one.kind}: {reason}"
    return f"{told}; {changed}" if changed else told


def _adapted(one: Decision, phase: PhaseSummary) -> str:
    changed = changes(one.adjustments)
    if "passes" in one.numbers:
        return f"the run is {inline(one.reason)}" + (f"; {changed}" if changed else "")
    answered = _answered(one, phase)
    cause = inline(one.reason)
    if answered:
        was = "was" if len(answered) == 1 else "were"
        cause = f"{found(answered)} {was} found"
    elif one.reason == NOTHING:
        return changed
    effect = f"so {changed}" if changed else "and no setting changed"
    outcome = _outcome(one.generation, answered, phase)
    return f"{cause}, {effect}. {outcome}" if outcome else f"{cause}, {effect}"


def _answered(one: Decision, phase: PhaseSummary) -> list[Finding]:
    """The findings that a decision names as its reason."""
    if one.kind != "adapt":
        return []
    seen = {
        found.detector: found
        for found in phase.findings
        if found.generation == one.generation and found.reason in one.reason
    }
    return list(seen.values())


def _outcome(generation: int, answered: Iterable[Finding], phase: PhaseSummary) -> str:
    """Whether the findings cleared while the search went on; empty where it ended with them."""
    ends = [one.generation for one in phase.decisions if one.kind == "advance"]
    last = min(ends, default=_last(phase))
    if last is None or generation >= last:
        return ""
    told = [(one.detector, _course(one.detector, generation, last, phase)) for one in answered]
    if len({course for _, course in told}) == 1:
        return f"{'It' if len(told) == 1 else 'Each'} {told[0][1]}"
    text = listed([f"{detector(name)} {course}" for name, course in told])
    return text[:1].upper() + text[1:]


def _course(name: str, generation: int, last: int, phase: PhaseSummary) -> str:
    there = {one.generation for one in phase.findings if one.detector == name}
    later = range(generation + 1, last + 1)
    clear = next((number for number in later if number not in there), None)
    if clear is None:
        return f"was still there in generation {last}"
    wait = clear - generation
    gone = "was gone in the next generation" if wait == 1 else f"was gone {wait} generations later"
    back = next((number for number in range(clear, last + 1) if number in there), None)
    return gone if back is None else f"{gone} and back in generation {back}"


def _unanswered(phase: PhaseSummary) -> Iterator[Incident]:
    """Findings that no decision of the phase answered."""
    answered = {one.detector for each in phase.decisions for one in _answered(each, phase)}
    for name in dict.fromkeys(one.detector for one in phase.findings):
        seen = [one for one in phase.findings if one.detector == name]
        numbers = [one.generation for one in seen if one.generation is not None]
        if name not in answered and numbers:
            more = f", also in {generations(numbers[1:])}" if len(set(numbers)) > 1 else ""
            text = f"{found(seen[:1])} was found{more}; nothing was changed because of it"
            yield Incident(numbers[0], 3, text)


def _accepted(members: Iterable[MemberRecord]) -> Iterator[Incident]:
    taken = [one for one in members if one.status == "accepted"]
    best = sorted(taken, key=lambda one: -(one.gain or 0.0))[:MAX_GENOMES]
    for one in best:
        yield Incident(one.generation, 1, _taken(one))
    others = [one for one in taken if one not in best]
    if others:
        genomes = "genome was" if len(others) == 1 else "genomes were"
        where = generations(one.generation for one in others)
        text = f"{len(others)} more {genomes} accepted, with smaller gains, in {where}"
        yield Incident(others[-1].generation, 3, text)


def _taken(one: MemberRecord) -> str:
    made = f" ({inline(one.operator.replace('_', ' '))})" if one.operator else ""
    text = f"lineage {one.lineage} took on {code(one.genome.formula)}{made}"
    if one.gain is None:
        return text
    needed = "" if one.gain_limit is None else f", where {bpb(one.gain_limit)} were needed"
    return f"{text}: {bpb(one.gain)} bits per byte better than its champion{needed}"


def _none_accepted(phase: PhaseSummary, members: Sequence[MemberRecord]) -> Iterator[Incident]:
    last = _last(phase)
    if last is None or not phase.challengers or any(m.status == "accepted" for m in members):
        return
    text = f"none of {counted(phase.challengers, 'challenger')} was accepted"
    best = max((one for one in members if one.gain), key=lambda one: one.gain or 0.0, default=None)
    yield Incident(last, 1, f"{text}{_near_miss(best)}")


def _near_miss(best: MemberRecord | None) -> str:
    if best is None or best.gain is None or best.gain_limit is None:
        return ""
    if best.gain <= 0:
        return "; not one was better than its champion"
    if best.gain > best.gain_limit:
        return f"; the best gained {bpb(best.gain)}, which its second run did not confirm"
    return f"; the best gained {bpb(best.gain)}, where {bpb(best.gain_limit)} were needed"


def _lost(phase: PhaseSummary) -> Iterator[Incident]:
    for one in phase.lost:
        text = f"lineage {one.lineage} was given up, too far behind the best"
        yield Incident(one.generation, 0, text)


def _in_step(phase: PhaseSummary, synchrony: Sequence[Synchrony]) -> Iterator[Incident]:
    locked = [one for one in synchrony if one.locked and _within(phase, one.generation)]
    if locked and phase.first_generation is not None:
        first = locked[0]
        yield Incident(first.generation, 2, f"the lineages were in step (r = {first.r:.2f})")


def _slow(phase: PhaseSummary, slowness: SlownessSummary) -> Iterator[Incident]:
    for late in slowness.late_phases:
        if late.phase == phase.name and _within(phase, late.generation):
            yield Incident(late.generation, 2, lateness(late))
    for one in slowness.collapses:
        if one.phase == phase.name and _within(phase, one.generation):
            yield Incident(one.generation, 2, collapse(one))
