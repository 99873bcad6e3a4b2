"""When each generation was, in member-steps since the run began."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orchestrator.figures.timeline import Span
from orchestrator.report.final_report import PhaseSummary
from state.records import MemberRecord


class Clock(NamedTuple):
    """Generations and phases on the axis of the budget."""

    generations: dict[int, tuple[float, float]]
    """Where each begins and ends; those of controls have no place."""
    spans: tuple[Span, ...]
    """The attempts in order, the open one last."""
    spans_by_generation: tuple[Span, ...]
    """The same, counted in generations."""

    def end(self, generation: int) -> float | None:
        """Where it ends; None for one that is not on the axis."""
        place = self.generations.get(generation)
        return place[1] if place else None


def clock_of(phases: Sequence[PhaseSummary], members: Iterable[MemberRecord]) -> Clock:
    """Steps of members, stretched so that each phase has what it was charged: teaching and second
    runs cost steps that no member has.
    """
    weights: dict[int, float] = {}
    names: dict[int, str] = {}
    for one in members:
        if one.role != "control":
            weights[one.generation] = weights.get(one.generation, 0.0) + one.steps
            names[one.generation] = one.phase
    generations: dict[int, tuple[float, float]] = {}
    spans, counted = [], []
    now = 0.0
    for phase in phases:
        own = _own(phase)
        ends = _place(generations, own, weights, now, phase.steps)
        verdict = phase.gate.verdict if phase.gate else "pass"
        undone = verdict if verdict in ("retry", "revert") else ""
        spans.append(Span(phase.name, now, ends, undone))
        if own:
            counted.append(Span(phase.name, own[0], own[-1] + 1, undone))
        now = ends
    going_on = sorted(set(weights) - set(generations))
    if going_on:
        end = _place(generations, going_on, weights, now, None)
        name = names[going_on[-1]]
        spans.append(Span(name, now, end))
        counted.append(Span(name, going_on[0], going_on[-1] + 1))
    return Clock(generations, tuple(spans), tuple(counted))


def _own(phase: PhaseSummary) -> list[int]:
    first = phase.first_generation
    return [] if first is None else list(range(first, first + phase.generations))


def _place(
    generations: dict[int, tuple[float, float]],
    own: Sequence[int],
    weights: dict[int, float],
    start: float,
    steps: int | None,
) -> float:
    """Give the generations of a phase their places; returns where it ends."""
    total = sum(weights.get(one, 0.0) for one in own)
    scale = 1.0 if steps is None or not total else steps / total
    now = start
    for one in own:
        end = now + scale * weights.get(one, 0.0)
        generations[one] = (now, end)
        now = end
    return now if steps is None else start + steps
