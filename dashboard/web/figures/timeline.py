"""The horizontal axis of a run: where each step of each member lies, and the phases behind it.

A model that trains alone has its own steps there. Where several train at once it is the steps of
all members so far, what the budget counts: members of one generation share the generation's
stretch. Baselines have no place on it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from dashboard.web.figures.plot import Shape
from state.metrics_figures import Extent, Stint
from state.records import MemberRecord

GOES_ON = ("champion", "host")
OPEN_NAMES = ("-champion", "-host", "-model")
"""How members are named that go on, for a generation that is not concluded."""
HOST = -1
"""Line of the host, beside those of the lineages."""
MODEL = "training"


class Span(NamedTuple):
    """A phase on the axis."""

    phase: str
    start: float
    end: float


@dataclass(frozen=True)
class Timeline:
    """Built once for each state of a run."""

    index: Mapping[tuple[int, str], Stint] = field(default_factory=dict)
    """Of those that go on, champions and hosts, by generation and member."""
    complete: bool = True
    """Nobody else has steps."""
    places: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    """Where a generation begins and ends."""
    spans: tuple[Span, ...] = ()
    lines: Mapping[tuple[int, str], int] = field(default_factory=dict)
    """(generation, member) -> lineage, or HOST."""
    single: bool = False
    """One model that trains alone: the axis is its own steps."""
    main: tuple[int, ...] = (HOST,)
    """The lines that lead to the model: the host's, and before it that of its lineage."""

    @property
    def end(self) -> float:
        """Where the newest step is."""
        return max((end for _, end in self.places.values()), default=0.0)

    @property
    def title(self) -> str:
        """Of the axis."""
        return "step" if self.single else "steps of all members"

    def position(self, generation: int, member_id: str, step: int) -> float | None:
        """Where a step lies; None for one of those that are not on the axis."""
        stint = self.index.get((generation, member_id))
        if stint is None:
            return None
        if self.single:
            return float(step)
        start, end = self.places[generation]
        done = (step - stint.first_step + 1) / (stint.last_step - stint.first_step + 1)
        return start + done * (end - start)

    def end_of(self, generation: int) -> float | None:
        """Where a generation ends; one without steps lies where the one before it ended."""
        ends = [end for number, (_, end) in self.places.items() if number <= generation]
        return ends[-1] if ends else None

    def num_steps(self, extent: Extent) -> int:
        """Steps of those that go on within an extent."""
        low, high = extent.generations or (0, 1 << 62)
        first, last = extent.steps or (0, 1 << 62)
        own = (one for one in self.index.values() if low <= one.generation <= high)
        return sum(max(0, min(one.last_step, last) - max(one.first_step, first) + 1) for one in own)

    def extent(self, window: tuple[float, float] | None) -> Extent:
        """The steps within a window of the axis, and only of those that go on."""
        members = None if self.complete else frozenset(name for _, name in self.index)
        if window is None:
            return Extent(member_ids=members)
        low, high = window
        inside = [g for g, (start, end) in self.places.items() if end >= low and start <= high]
        generations = (min(inside), max(inside)) if inside else (0, -1)
        steps = (int(low), int(high) + 1) if self.single else None
        return Extent(generations=generations, steps=steps, member_ids=members)


def timeline_of(stints: Sequence[Stint], members: Iterable[MemberRecord]) -> Timeline:
    """The axis of a run, from who trained when and what its members were."""
    known = {(one.generation, one.member_id): one for one in members}
    own = [one for one in stints if one.phase != "control"]
    numbers: dict[int, int] = {}
    for one in own:
        numbers[one.generation] = numbers.get(one.generation, 0) + 1
    going_on = tuple(one for one in own if _goes_on(one, known, numbers[one.generation] == 1))
    single = bool(own) and all(one.phase == MODEL for one in own)
    places = _own_places(going_on) if single else _shared_places(own)
    return Timeline(
        index={_key(one): one for one in going_on},
        complete=len(going_on) == len(stints),
        places=places,
        spans=_spans(own, places),
        lines={_key(one): _line(one, known.get(_key(one))) for one in going_on},
        single=single,
        main=_main(going_on, known),
    )


def bands(timeline: Timeline) -> list[Shape]:
    """Every other phase as a band behind the panels."""
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "layer": "below",
            "x0": span.start,
            "x1": span.end,
            "y0": 0,
            "y1": 1,
            "fillcolor": "--band",
            "line": {"width": 0},
        }
        for index, span in enumerate(merged(timeline.spans))
        if index % 2 == 0 and len(timeline.spans) > 1
    ]


def band_names(timeline: Timeline) -> list[Shape]:
    """The phases' names above their bands, for a page that is wide enough."""
    spans = merged(timeline.spans)
    total = timeline.end or 1
    return [
        {
            "text": span.phase,
            "showarrow": False,
            "xref": "x",
            "yref": "paper",
            "x": (span.start + span.end) / 2,
            "y": 1.0,
            "yanchor": "bottom",
            "yshift": 17,
            "font": {"size": 11, "color": "--quiet"},
            "name": "wide",
        }
        for span in spans
        if len(spans) > 1 and (span.end - span.start) / total > 0.007 * (len(span.phase) + 2)
    ]


def merged(spans: Sequence[Span]) -> list[Span]:
    """Stretches of one phase that follow each other as one."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].phase == span.phase:
            joined[-1] = joined[-1]._replace(end=span.end)
        else:
            joined.append(span)
    return joined


def _main(
    stints: Sequence[Stint], known: Mapping[tuple[int, str], MemberRecord]
) -> tuple[int, ...]:
    lines = [_line(one, known.get(_key(one))) for one in stints]
    if HOST not in lines:
        return tuple(sorted(set(lines)))[:1]
    hosts = [known[_key(one)] for one in stints if _key(one) in known]
    lineages = [one.lineage for one in hosts if one.role == "host"]
    return (HOST, *lineages[:1])


def _key(stint: Stint) -> tuple[int, str]:
    return stint.generation, stint.member_id


def _goes_on(stint: Stint, known: Mapping[tuple[int, str], MemberRecord], alone: bool) -> bool:
    member = known.get(_key(stint))
    if member is not None:
        return member.role in GOES_ON
    return alone or stint.member_id.endswith(OPEN_NAMES)


def _line(stint: Stint, member: MemberRecord | None) -> int:
    if stint.member_id.endswith(("-host", "-model")) or (member and member.role == "host"):
        return HOST
    if member is not None:
        return member.lineage
    part = stint.member_id.partition("-l")[2].partition("-")[0]
    return int(part) if part.isdecimal() and part.isascii() else HOST


def _own_places(stints: Sequence[Stint]) -> dict[int, tuple[float, float]]:
    places = {one.generation: (one.first_step - 1.0, float(one.last_step)) for one in stints}
    return dict(sorted(places.items()))


def _shared_places(stints: Sequence[Stint]) -> dict[int, tuple[float, float]]:
    steps: dict[int, int] = {}
    for one in stints:
        steps[one.generation] = steps.get(one.generation, 0) + one.num_steps
    generations = sorted(steps)
    ends = [0.0]
    for generation in generations:
        ends.append(ends[-1] + steps[generation])
    return dict(zip(generations, pairwise(ends), strict=True))


def _spans(stints: Sequence[Stint], places: Mapping[int, tuple[float, float]]) -> tuple[Span, ...]:
    phases = {one.generation: one.phase for one in stints}
    found = ((phases[generation], *place) for generation, place in places.items())
    return tuple(merged([Span(*one) for one in found]))
