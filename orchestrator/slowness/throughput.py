"""Collapse of throughput: more than half of a generation's members have become slower for good.

Each member has a cumulative sum (CUSUM) over the speed of its steps, downwards. What is usual is
learned from the first generations of the phase, by the number of threads: another phase has
other formulas, another number of threads another speed.

Source: Page, Continuous Inspection Schemes, 1954.
"""

from collections.abc import Iterable, Sequence
from math import exp, log
from statistics import median

from pydantic import Field

from orchestrator.stages.conclusion import Event
from state.base import Record
from state.records import PhaseName
from state.results import Outcome
from state.tasks import Task, TrainingTask
from trainer.instruments.cusum import Chart, Mean, Rule, observe
from trainer.instruments.cusum_baseline import cut
from trainer.instruments.cusum_calibration import calibrated_threshold

COLLAPSED_SHARE = 0.5
FOUNDING_GENERATIONS = 2
VALUES_A_MEMBER = 10
"""Speeds that each member gives to the baseline."""
SMALLEST_SCALE = 0.3
"""Of log tokens/s. With the allowance, what is less than a quarter slower does not count:
formulas differ in cost by as much.
"""
DRIFT = 1.0
FIXED = Mean(value=0.0)
RULE = Rule(calibrated_threshold(charts=1, drift=DRIFT), DRIFT, SMALLEST_SCALE, ("down",))


class Opening(Record):
    """Speeds of the first generations of a phase, from which a baseline is founded."""

    threads: int
    generations: int = 0
    is_fed: bool = False
    """The generation that is going on has given it speeds."""
    values: tuple[float, ...] = ()
    """Log tokens/s."""


class Usual(Record):
    """What is usual for members of so many threads."""

    threads: int
    location: float
    """Log tokens/s."""
    scale: float = Field(gt=0)


class Judged(Record):
    """A member of the open generation."""

    level: float
    """Median of its log tokens/s."""
    usual: float
    is_slow: bool
    """Most of its steps are slow beyond the allowance."""
    alarms: bool
    """It is slow, and its sum stands above the limit at its last step: a burst is no collapse."""


class Collapse(Record):
    """What throughput did in a phase."""

    phase: PhaseName
    generation: int
    """In which it was first noticed."""
    times: int = 1
    """How often it collapsed; in between it had recovered."""
    tokens_per_sec: float
    """Median member, when it was first noticed."""
    usual_tokens_per_sec: float
    alarmed: int
    members: int


class Throughput(Record):
    """What is remembered between two commits."""

    phase: PhaseName | None = None
    openings: tuple[Opening, ...] = ()
    usual: tuple[Usual, ...] = ()
    judged: tuple[Judged, ...] = ()
    """Of the generation that is going on."""
    has_collapsed: bool = False
    collapses: tuple[Collapse, ...] = ()
    """One a phase at most."""


def observe_members(
    before: Throughput, tasks: Iterable[Task], outcomes: Iterable[Outcome]
) -> Throughput:
    """Add the members that have just been trained."""
    by_id = {task.task_id: task for task in tasks if isinstance(task, TrainingTask)}
    after = before
    for outcome in outcomes:
        task = by_id.get(outcome.result.task_id)
        speeds = [log(row.tokens_per_sec) for row in outcome.rows if row.tokens_per_sec > 0]
        if task is not None and speeds:
            after = _observed(_in_phase(after, task.phase), task.threads, speeds)
    return after


def close_generation(before: Throughput, generation: int) -> tuple[Throughput, tuple[Event, ...]]:
    """Judge the generation that ends, and say when throughput collapses or recovers.

    It has recovered when no more than half of the members are slow, alarm or not.
    """
    openings = [_aged(one) for one in before.openings]
    ready = [one for one in openings if one.generations >= FOUNDING_GENERATIONS]
    after = before.model_copy(
        update={
            "openings": tuple(one for one in openings if one not in ready),
            "usual": (*before.usual, *(_founded(one) for one in ready)),
            "judged": (),
        }
    )
    if before.phase is None or not before.judged:
        return after, ()
    found = _verdict(before.phase, generation, before.judged)
    alarms = [one.is_slow if before.has_collapsed else one.alarms for one in before.judged]
    collapses = sum(alarms) > COLLAPSED_SHARE * len(alarms)
    if collapses == before.has_collapsed:
        return after, ()
    return _changed(after, found, collapses=collapses)


def _in_phase(throughput: Throughput, phase: PhaseName) -> Throughput:
    """Another phase begins with nothing learned."""
    if throughput.phase == phase:
        return throughput
    return Throughput(phase=phase, collapses=throughput.collapses)


def _observed(before: Throughput, threads: int, speeds: Sequence[float]) -> Throughput:
    usual = next((one for one in before.usual if one.threads == threads), None)
    if usual is not None:
        member = _judged(speeds, usual)
        return before.model_copy(update={"judged": (*before.judged, member)})
    known = next((one for one in before.openings if one.threads == threads), None)
    values = () if known is None else known.values
    stride = -(-len(speeds) // VALUES_A_MEMBER)
    opening = Opening(
        threads=threads,
        generations=known.generations if known else 0,
        is_fed=True,
        values=(*values, *speeds[::stride]),
    )
    others = tuple(one for one in before.openings if one.threads != threads)
    return before.model_copy(update={"openings": (*others, opening)})


def _judged(speeds: Sequence[float], usual: Usual) -> Judged:
    """The member's cumulative sum over its steps."""
    chart, falls = Chart(baseline=FIXED), False
    for speed in speeds:
        reading, chart = observe(chart, cut((speed - usual.location) / usual.scale), RULE)
        # A member does not redefine what is usual: a chunk of hundreds of steps would.
        chart, falls = chart.model_copy(update={"baseline": FIXED}), reading.falls
    level = median(speeds)
    is_slow = level < usual.location - DRIFT * usual.scale
    return Judged(level=level, usual=usual.location, is_slow=is_slow, alarms=is_slow and falls)


def _aged(opening: Opening) -> Opening:
    generations = opening.generations + opening.is_fed
    return opening.model_copy(update={"generations": generations, "is_fed": False})


def _founded(opening: Opening) -> Usual:
    location = median(opening.values)
    spread = 1.4826 * median(abs(value - location) for value in opening.values)
    return Usual(threads=opening.threads, location=location, scale=max(SMALLEST_SCALE, spread))


def _verdict(phase: PhaseName, generation: int, judged: Sequence[Judged]) -> Collapse:
    """The numbers of a generation, whether they make a collapse or not."""
    level = median(one.level for one in judged)
    loss = median(one.usual - one.level for one in judged)
    return Collapse(
        phase=phase,
        generation=generation,
        tokens_per_sec=exp(level),
        usual_tokens_per_sec=exp(level + loss),
        alarmed=sum(one.alarms for one in judged),
        members=len(judged),
    )


def _changed(
    after: Throughput, found: Collapse, *, collapses: bool
) -> tuple[Throughput, tuple[Event, ...]]:
    told = found.model_dump(mode="json", exclude={"times"})
    for name in ("tokens_per_sec", "usual_tokens_per_sec"):
        told[name] = round(told[name])
    event = Event(kind="throughput_collapse" if collapses else "throughput_recovered", data=told)
    update: dict[str, object] = {"has_collapsed": collapses}
    if collapses:
        update["collapses"] = _counted(after.collapses, found)
    return after.model_copy(update=update), (event,)


def _counted(collapses: tuple[Collapse, ...], found: Collapse) -> tuple[Collapse, ...]:
    """The first one of a phase stays, with a count."""
    if not collapses or collapses[-1].phase != found.phase:
        return (*collapses, found)
    again = collapses[-1].model_copy(update={"times": collapses[-1].times + 1})
    return (*collapses[:-1], again)
