"""How the population fared: members by generation, what the operators made, how far apart."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from dashboard.web.figures.curves import Window
from dashboard.web.figures.plot import (
    Figure,
    Panel,
    Trace,
    dots,
    figure,
    line,
    nothing,
    safe,
    series,
)
from dashboard.web.figures.run_view import RunView
from state.records import MemberRecord

NO_GENERATION = "No generation yet: members are shown once the first one is complete."
_MOST_BINS = 40
_KINDS = (
    ("challenger", "--quiet", "circle", 5.0),
    ("null", "--quiet", "circle-open", 5.0),
    ("replicate", "--sky", "circle-open", 5.0),
    ("accepted", "--green", "circle", 8.0),
    ("quarantined", "--ochre", "square-open", 7.0),
    ("failed", "--red", "x-thin-open", 7.0),
    ("champion", "--blue", "line-ew-open", 9.0),
    ("host", "--blue", "diamond", 6.0),
    ("control", "--purple", "diamond-open", 6.0),
)
"""Kind of member, its colour, symbol and size: told apart by shape as well."""


class OperatorRow(NamedTuple):
    """What became of an operator's children."""

    operator: str
    tried: int
    accepted: int
    best_gain: float | None
    """Bits per byte below the champion that it was made from."""


def kind_of(member: MemberRecord) -> str:
    """Its role, or what became of it where that says more."""
    if member.status in ("accepted", "quarantined", "failed"):
        return member.status
    return member.role


def population(view: RunView, window: Window | None = None) -> Figure:
    """Bits per byte of every member by generation, and the best of each generation."""
    del window
    measured = [one for one in view.members if one.bits_per_byte is not None]
    if not measured:
        return nothing(NO_GENERATION)
    own = [one for one in view.generations if one.phase != "control"]
    best = [one for one in own if one.best_bits_per_byte is not None]
    x, y = [one.generation for one in best], [one.best_bits_per_byte for one in best]
    look: Trace = {"dash": "dot"}
    traces = [line("best of the generation", x, y, "--ink", width=1.2, line=look)]
    for kind, colour, symbol, size in _KINDS:
        alike = [one for one in measured if kind_of(one) == kind]
        if alike:
            traces.append(
                dots(
                    kind,
                    [one.generation for one in alike],
                    [one.bits_per_byte for one in alike],
                    colour,
                    size=size,
                    symbol=symbol,
                    texts=[_told(one) for one in alike],
                    customdata=[one.member_id for one in alike],
                )
            )
    return figure(
        traces,
        height=320,
        x_title="generation",
        panels=[Panel("bits per byte on the search split")],
        hovermode="closest",
    )


def _told(member: MemberRecord) -> str:
    gain = "" if member.gain is None else f", gain {member.gain:+.4f}"
    made = f" by {safe(member.operator)}" if member.operator else ""
    return (
        f"{safe(member.member_id)}: {member.bits_per_byte:.4f}{gain}"
        f"<br>{safe(member.genome.formula)}{made}"
    )


def operators(view: RunView, window: Window | None = None) -> Figure:
    """Which operators made the challengers, over the generations; acceptances by colour."""
    del window
    made = [one for one in view.members if one.operator]
    if not made:
        return nothing("No challenger yet: operators are counted once a phase of search begins.")
    names = [row.operator for row in operator_rows(view.members)]
    first = min(one.generation for one in made)
    last = max(one.generation for one in made)
    width = -(-(last - first + 1) // _MOST_BINS)
    starts = list(range(first, last + 1, width))
    counts = Counter((operator_of(one), (one.generation - first) // width) for one in made)
    traces: list[Trace] = []
    for index, name in enumerate(names):
        own = [counts[name, place] for place in range(len(starts))]
        look: Trace = {"color": series(index), "opacity": 1.0 if index < 8 else 0.55}
        traces.append(
            {
                "type": "bar",
                "name": safe(name),
                "x": list(starts),
                "y": list(own),
                "marker": look,
                "hovertemplate": "%{y}<extra>" + safe(name) + "</extra>",
            }
        )
    return figure(
        traces,
        height=320,
        x_title="generation" if width == 1 else f"generation, {width} at a time",
        panels=[Panel("challengers by operator")],
        barmode="stack",
        bargap=0.15,
    )


def operator_rows(members: Iterable[MemberRecord]) -> list[OperatorRow]:
    """The operators, those that made most first."""
    own: dict[str, list[MemberRecord]] = {}
    for member in members:
        if member.operator:
            own.setdefault(operator_of(member), []).append(member)
    rows = [
        OperatorRow(
            name,
            len(children),
            sum(one.status == "accepted" for one in children),
            max((one.gain for one in children if one.gain is not None), default=None),
        )
        for name, children in own.items()
    ]
    return sorted(rows, key=lambda row: (-row.tried, row.operator))


def operator_of(member: MemberRecord) -> str:
    """The operator without which lineage a migrant came from."""
    return re.sub(r" from lineage \d+$", "", member.operator)


def diversity(view: RunView, window: Window | None = None) -> Figure:
    """The mean distance between the genomes of a generation."""
    del window
    found = [one for one in view.generations if one.diversity is not None]
    if not found:
        return nothing(
            "No diversity yet: distances between genomes are measured in the phases of search."
        )
    x: list[float | None] = []
    y: list[float | None] = []
    for one in found:
        if x and x[-1] is not None and one.generation > x[-1] + 1:
            x.append(x[-1] + 0.5)
            y.append(None)
        x.append(one.generation)
        y.append(one.diversity)
    mode = "lines+markers" if len(found) <= 120 else "lines"
    traces = [line("diversity", x, y, series(3), mode=mode, marker={"size": 5})]
    return figure(
        traces,
        height=320,
        x_title="generation",
        panels=[Panel("mean distance between genomes", lowest_zero=True)],
    )
