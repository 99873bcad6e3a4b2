"""The figures of a run of the six phases, from its evidence. A function a figure; each may refuse
with a ValueError where there is nothing to draw.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from orchestrator.figures.activation import activation_figure
from orchestrator.figures.battery import battery_figure
from orchestrator.figures.cost import PhaseCost, cost_figure
from orchestrator.figures.course import Attempt, Course, Path, Point, course_figure
from orchestrator.figures.gains import Limit, Trial, gains_figure
from orchestrator.figures.result import Entry, Lead, result_figure
from orchestrator.figures.style import Figure, NothingToDraw
from orchestrator.figures.synchrony import Beat, synchrony_figure
from orchestrator.report.page.clock import Clock
from orchestrator.report.page.evidence import Evidence
from orchestrator.report.page.intervals import interval, lead
from orchestrator.report.quantities import ordinal
from state.genome import display_name
from state.records import BatteryReport, Genome, MemberRecord

MAX_CURVES = 24
_ROLE_NAMES = {
    "champion": "champions",
    "challenger": "challengers",
    "null": "null twins",
    "host": "host",
}
REST = "teachers and second runs"


def result(seen: Evidence, clock: Clock) -> Figure:
    """The run beside what it must be compared with."""
    del clock
    report, final = seen.report, seen.saved.run.final
    if report is None or final is None:
        raise NothingToDraw("the run is not finished; there is no result to draw")
    ours = final.test or final.search
    who = "this model" if seen.is_single else "this run"
    entries = [Entry(who, ours.bits_per_byte, interval(ours), "blue")]
    leads = []
    bits = dict(final.controls)
    for name, evaluation in seen.controls:
        spread = interval(evaluation) if evaluation else None
        entries.append(Entry(f"control {name}", bits[name], spread, "red"))
        paired = lead(ours, evaluation) if evaluation else None
        leads.append(Lead(name, bits[name] - ours.bits_per_byte, paired))
    entries.append(Entry("order-2 byte model", report.order2.bits_per_byte))
    entries.append(
        Entry("untrained model", report.untrained.bits_per_byte, interval(final.untrained))
    )
    return result_figure(entries, leads)


def activations(seen: Evidence, clock: Clock) -> Figure:
    """The winner's curve, then those that were accepted, then what the run began with."""
    del clock
    return activation_figure([(display_name(one), one) for one in genomes_of(seen)])


def genomes_of(seen: Evidence) -> list[Genome]:
    """Each formula once, the most important first; its place is its colour."""
    best = seen.saved.run.winner
    genomes = [best.genome] if best else []
    leads = [one for one in seen.members if one.role in ("champion", "host")]
    if not best and leads:
        genomes = [min(leads, key=lambda one: one.bits_per_byte or 99.0).genome]
    genomes += [one.genome for one in seen.members if one.status == "accepted"]
    genomes += [one.genome for one in leads]
    return list({one.formula: one for one in genomes}.values())[:MAX_CURVES]


def course(seen: Evidence, clock: Clock) -> Figure:
    """Search bits per byte over the budget."""
    report = seen.report
    references: tuple[tuple[str, float], ...] = ()
    if report is not None:
        references = (
            ("order-2 byte model", report.order2.bits_per_byte),
            ("untrained", report.untrained.bits_per_byte),
        )
    return course_figure(
        Course(
            spans=clock.spans,
            paths=tuple(_paths(seen, clock)),
            attempts=tuple(_attempts(seen.members, clock)),
            best=tuple(_best(seen, clock)),
            references=references,
        )
    )


def _paths(seen: Evidence, clock: Clock) -> Iterator[Path]:
    undone = [int(span.end) for span in clock.spans_by_generation if span.verdict]
    for lineage in sorted({one.lineage for one in seen.members if one.role == "champion"}):
        own = [one for one in seen.members if (one.role, one.lineage) == ("champion", lineage)]
        for _, piece in groupby(own, lambda one: sum(end <= one.generation for end in undone)):
            if points := tuple(_points(piece, clock)):
                yield Path("champion of a lineage", "lineage", points)
    host = tuple(_points((one for one in seen.members if one.role == "host"), clock))
    if host:
        yield Path("host", "host", host)
    yield from _control_paths(seen.members)


def _points(
    members: Iterator[MemberRecord] | Sequence[MemberRecord], clock: Clock
) -> Iterator[Point]:
    for one in members:
        end = clock.end(one.generation)
        if end is not None and one.bits_per_byte is not None:
            yield end, one.bits_per_byte


def _control_paths(members: Sequence[MemberRecord]) -> Iterator[Path]:
    """Each over its own steps: they had the same budget."""
    arms: dict[str, list[MemberRecord]] = {}
    for one in members:
        if one.role == "control":
            arms.setdefault(re.sub(r"^g\d+-", "", one.member_id), []).append(one)
    for own in arms.values():
        points, steps = [], 0.0
        for one in own:
            steps += one.steps
            if one.bits_per_byte is not None:
                points.append((steps, one.bits_per_byte))
        yield Path(f"control {display_name(own[-1].genome)}", "control", tuple(points))


def _attempts(members: Sequence[MemberRecord], clock: Clock) -> Iterator[Attempt]:
    undone = {int(span.end) - 1 for span in clock.spans_by_generation if span.verdict}
    before = {
        (one.lineage, one.generation): one.bits_per_byte
        for one in members
        if one.role == "champion" and one.generation not in undone
    }
    for one in members:
        place = clock.generations.get(one.generation)
        if one.role != "challenger" or place is None or one.bits_per_byte is None:
            continue
        start = before.get((one.lineage, one.generation - 1))
        begun = None if start is None else (place[0], start)
        yield Attempt(begun, (place[1], one.bits_per_byte), one.status == "accepted")


def _best(seen: Evidence, clock: Clock) -> Iterator[Point]:
    """The least search loss so far, what a gate undid left out."""
    undone = [span for span in clock.spans_by_generation if span.verdict]
    found = []
    for one in seen.generations:
        end = clock.end(one.generation)
        lost = any(span.start <= one.generation < span.end for span in undone)
        if end is not None and one.best_bits_per_byte is not None and not lost:
            found.append((end, one.best_bits_per_byte))
    for phase, span in zip(seen.phases, clock.spans, strict=False):
        if phase.bits_per_byte is not None and not span.verdict:
            found.append((span.end, phase.bits_per_byte))
    best = float("inf")
    for place, bits in sorted(found):
        best = min(best, bits)
        yield place, best


def gains(seen: Evidence, clock: Clock) -> Figure:
    """Every challenger and every twin against the limit of its generation."""
    tried = [one for one in seen.members if one.role in ("challenger", "null")]
    trials: list[Trial] = []
    limits: list[Limit] = []
    for generation, group in groupby(tried, lambda one: one.generation):
        own = [one for one in group if one.gain is not None]
        place = clock.generations.get(generation)
        if not own or place is None:
            continue
        width = (place[1] - place[0]) / (len(own) + 1)
        trials += [_trial(one, place[0] + width * n) for n, one in enumerate(own, 1)]
        needed = [one.gain_limit for one in own if one.gain_limit is not None]
        limits += [Limit(*place, max(needed))] if needed else []
    return gains_figure(trials, limits, clock.spans)


def _trial(one: MemberRecord, at: float) -> Trial:
    kind = "twin" if one.role == "null" else "challenger"
    kind = "accepted" if one.status == "accepted" else kind
    assert one.gain is not None
    return Trial(at, one.gain, one.gain_limit, kind)


def synchrony(seen: Evidence, clock: Clock) -> Figure:
    """The order parameter, with chance."""
    beats = [
        Beat(end, one.generation, one.r, one.null_quantile, one.locked)
        for one in seen.synchrony
        if (end := clock.end(one.generation)) is not None
    ]
    return synchrony_figure(beats, clock.spans)


def battery(seen: Evidence, clock: Clock) -> Figure:
    """Composite and probes after each phase."""
    del clock
    return battery_figure(list(zip(battery_names(seen.batteries), seen.batteries, strict=True)))


def battery_names(batteries: Sequence[BatteryReport]) -> list[str]:
    """`Oxidation`, `Oxidation, 2nd`, `at the end`."""
    names: list[str] = []
    last = batteries[-1] if batteries else None
    for one in batteries:
        before = sum(other.phase == one.phase for other in batteries[: len(names)])
        whole = one is last and len(one.samples) > len(one.kinds) > 0
        again = f", {ordinal(before + 1)}" if before else ""
        names.append("at the end" if whole else f"{one.phase.capitalize()}{again}")
    return names


def cost(seen: Evidence, clock: Clock) -> Figure:
    """Steps by phase and role, wall time by kind of work."""
    del clock
    told = seen.saved.telemetry
    known = {
        "training": told.training_seconds,
        "evaluation": told.evaluation_seconds,
        "battery": told.battery_seconds,
    }
    rest = max(0.0, told.wall_seconds - sum(known.values()))
    return cost_figure(list(_phase_costs(seen)), {**known, "all else": rest})


def _phase_costs(seen: Evidence) -> Iterator[PhaseCost]:
    ledger = seen.saved.run.ledger
    roles = _ROLE_NAMES | ({"host": "the model"} if seen.is_single else {})
    for line in ledger.lines:
        steps: dict[str, float] = {}
        for one in seen.members:
            if one.phase == line.phase and one.role in roles:
                name = roles[one.role]
                steps[name] = steps.get(name, 0) + one.steps
        rest = line.settled - sum(steps.values())
        if rest > 0:
            steps["not told" if line.phase == "training" else REST] = rest
        yield PhaseCost(line.phase.capitalize(), steps)
    for name, line in zip(seen.saved.config.control, ledger.control, strict=False):
        yield PhaseCost(f"control {name}", {"control": line.settled})
