"""Finding the point of a run that a person means by PHASE or PHASE:GEN."""

import re
from typing import NamedTuple

from orchestrator.phases import phases_of
from orchestrator.replay.states import Boundary, Played, Replay
from orchestrator.stages.current import current_phase
from state.nearest import quoted, suggestion

_POINT = re.compile(r"(?P<phase>[a-z]+)(:(?P<generation>[0-9]{1,9}))?")


class Point(NamedTuple):
    """The start of a phase, or the moment before one of its generations."""

    phase: str
    generation: int | None
    """Counted from 1 over the whole run, retries and extensions included; None is the start."""

    def __str__(self) -> str:
        """As on the command line."""
        return self.phase if self.generation is None else f"{self.phase}:{self.generation}"


class Found(NamedTuple):
    """A boundary and the stages that lie before it."""

    boundary: Boundary
    past: tuple[Played, ...]


def parse_point(text: str) -> Point:
    """Read PHASE[:GEN].

    Raises:
        ValueError: it is neither.
    """
    match = _POINT.fullmatch(text)
    if match is None:
        raise ValueError(f"--at {text!r} is no PHASE or PHASE:GEN; give one such as cambrian:3")
    number = match["generation"]
    return Point(match["phase"], None if number is None else int(number))


def find_boundary(replay: Replay, point: Point) -> Found:
    """Play to the end and pick the point.

    Raises:
        ValueError: the run has no such point; the message says which it has.
    """
    _require_phase(replay, point)
    stages = tuple(replay.stages())
    here = [
        Found(one.start, stages[:index])
        for index, one in enumerate(stages)
        if _is_at(one.start, point) and _counts(one)
    ]
    if _is_at(replay.boundary, point):
        here.append(Found(replay.boundary, stages))
    number = 1 if point.generation is None else point.generation
    if not 1 <= number <= len(here):
        raise ValueError(_out_of_range(point, len(here)))
    return here[number - 1]


def _require_phase(replay: Replay, point: Point) -> None:
    names = [phase.name for phase in phases_of(replay.config)]
    if point.phase not in names:
        near = suggestion(point.phase, names, verb="give one of")
        raise ValueError(f"--at {quoted(point.phase)} is no phase; {near}")


def _counts(played: Played) -> bool:
    """Leave out a host's last look at steps too few to train."""
    generation = played.start.state.stage == "generation"
    return not generation or played.after.generation > played.start.state.generation


def _is_at(boundary: Boundary, point: Point) -> bool:
    state = boundary.state
    stage = "phase_start" if point.generation is None else "generation"
    return (
        state.status == "running"
        and state.stage == stage
        and current_phase(state, boundary.config) == point.phase
    )


def _out_of_range(point: Point, count: int) -> str:
    if point.generation is None or count == 0:
        return f"--at {point}: the run has not come to {point.phase}; choose an earlier phase"
    return (
        f"--at {point}: {point.phase} has generations 1 to {count} in this run; "
        f"give one of them, or {point.phase} for its start"
    )
