"""The watchdog: a phase that takes more than twice the time that the pace before it planned.

A plan is the phase's steps at the pace of the finished phases that trained in the same way. The
first phase of each way has none. Interruptions are no time, and a phase is reported once.
"""

from typing import NamedTuple

from pydantic import Field

from orchestrator import ledger as books
from orchestrator.config import EngineConfig, PhaseConfig, RunConfig
from orchestrator.phases import phases_of
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import Event
from state.base import Record
from state.records import PhaseName

LATE_FACTOR = 2.0
LEAST_DELAY_SECONDS = 60.0
"""A smaller delay is the battery or an evaluation, which cost time and no steps."""


class Place(NamedTuple):
    """Where a run is in its budget."""

    phase: PhaseName
    number: int
    way: str
    """Phases that train in one way have one pace."""
    allotted: int
    settled: int
    """Member-steps of the phase, all its attempts together."""
    generation: int
    """The one that is going on, else the one that has just ended."""


class Stretch(Record):
    """The phase that is going on."""

    phase: PhaseName
    number: int
    way: str
    began_seconds: float
    """Wall time of the run when it began."""
    settled_before: int
    """Steps that the phase had spent then: an extended run begins a phase again."""
    steps: int = 0
    """Steps spent since."""
    is_late: bool = False


class Pace(Record):
    """The finished phases that trained in one way."""

    way: str
    seconds: float = Field(ge=0)
    steps: int = Field(ge=0)


class LatePhase(Record):
    """A phase that took too long."""

    phase: PhaseName
    generation: int
    """In which it was noticed."""
    elapsed_seconds: float
    """Until its end, if it has ended."""
    planned_seconds: float


class Watchdog(Record):
    """What the watchdog remembers between two commits."""

    ongoing: Stretch | None = None
    paces: tuple[Pace, ...] = ()
    late: tuple[LatePhase, ...] = ()


def place_of(state: RunState, config: RunConfig) -> Place | None:
    """The phase that the run is in; None between its last phase and its end."""
    phases = phases_of(config)
    if state.status != "running" or state.phase_index >= len(phases):
        return None
    phase = phases[state.phase_index]
    line = books.line(state.ledger, phase.name)
    return Place(
        phase=phase.name,
        number=state.phase_index,
        way=_way(phase, config.engine),
        allotted=line.allotted,
        settled=line.settled,
        generation=state.generation if state.work is not None else max(0, state.generation - 1),
    )


def watch(
    before: Watchdog, place: Place | None, wall_seconds: float
) -> tuple[Watchdog, tuple[Event, ...]]:
    """The watchdog at a commit, `wall_seconds` into the run, and what it has to say."""
    ongoing = before.ongoing
    if ongoing is not None and (place is None or place.number != ongoing.number):
        before, ongoing = _ended(before, ongoing, wall_seconds), None
    if place is None:
        return before, ()
    if ongoing is None:
        ongoing = Stretch(
            phase=place.phase,
            number=place.number,
            way=place.way,
            began_seconds=wall_seconds,
            settled_before=place.settled,
        )
    ongoing = ongoing.model_copy(update={"steps": place.settled - ongoing.settled_before})
    return _looked(before.model_copy(update={"ongoing": ongoing}), ongoing, place, wall_seconds)


def planned_seconds(paces: tuple[Pace, ...], way: str, steps: int) -> float | None:
    """Time for `steps` at the pace of what trained in this way; None before anything has."""
    pace = next((one for one in paces if one.way == way), None)
    return None if pace is None or not pace.steps else steps * pace.seconds / pace.steps


def _way(phase: PhaseConfig, engine: EngineConfig) -> str:
    """Members train side by side on a thread each, a single model on all threads."""
    one_at_a_time = engine.engine == "inline" or engine.workers == 1
    if one_at_a_time and (engine.host_threads or 1) == 1:
        return "alike"
    return "members" if phase.kind == "search" else "single model"


def _looked(
    dog: Watchdog, ongoing: Stretch, place: Place, wall_seconds: float
) -> tuple[Watchdog, tuple[Event, ...]]:
    steps = place.allotted - ongoing.settled_before
    elapsed = wall_seconds - ongoing.began_seconds
    planned = planned_seconds(dog.paces, ongoing.way, steps)
    if planned is None or ongoing.is_late:
        return dog, ()
    if elapsed <= max(LATE_FACTOR * planned, planned + LEAST_DELAY_SECONDS):
        return dog, ()
    late = LatePhase(
        phase=place.phase,
        generation=place.generation,
        elapsed_seconds=elapsed,
        planned_seconds=planned,
    )
    event = Event(
        kind="phase_slow",
        data={
            "phase": place.phase,
            "generation": place.generation,
            "elapsed_seconds": round(elapsed, 1),
            "planned_seconds": round(planned, 1),
            "steps": ongoing.steps,
            "planned_steps": steps,
        },
    )
    noticed = ongoing.model_copy(update={"is_late": True})
    return dog.model_copy(update={"ongoing": noticed, "late": (*dog.late, late)}), (event,)


def _ended(dog: Watchdog, ongoing: Stretch, wall_seconds: float) -> Watchdog:
    """The phase's time joins the pace of its way."""
    elapsed = wall_seconds - ongoing.began_seconds
    late = dog.late
    if ongoing.is_late:
        late = (*late[:-1], late[-1].model_copy(update={"elapsed_seconds": elapsed}))
    known = next((one for one in dog.paces if one.way == ongoing.way), None)
    seconds, steps = (known.seconds, known.steps) if known else (0.0, 0)
    pace = Pace(way=ongoing.way, seconds=seconds + elapsed, steps=steps + ongoing.steps)
    others = tuple(one for one in dog.paces if one.way != ongoing.way)
    return Watchdog(paces=(*others, pace), late=late)
