"""The lineage tree: a lane a lineage, its champions on the lane, its challengers above it.

Columns are generations. A lane is coloured by its champion's activation; a challenger that was
accepted is joined to the champion that it became, a migrant to the lane it came from.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dashboard.web.figures.population import kind_of
from dashboard.web.figures.timeline import HOST
from state.records import MemberRecord

COLUMN, ROW, TOP, LEFT = 28.0, 13.0, 34.0, 78.0
"""Units of the drawing: width of a generation, height of a challenger, margins."""
LANE_GAP = 26.0
MOST_NODES = 1_500
"""Beyond that many members only those that go on and those accepted are drawn."""
MOST_COLOURS = 8


class Node(NamedTuple):
    """A member."""

    member_id: str
    generation: int
    kind: str
    x: float
    y: float
    colour: int | None
    """Number of its activation's colour; None where colours have run out."""
    label: str


class Track(NamedTuple):
    """A lineage's champion of one activation, over consecutive generations."""

    x1: float
    x2: float
    y: float
    colour: int | None


class Edge(NamedTuple):
    """Who came from whom, as the `d` of an SVG path."""

    kind: str
    path: str


class Label(NamedTuple):
    """A text beside a lane or above a column."""

    text: str
    x: float
    y: float
    width: float = 0.0
    """Of the band below it, for phases."""


class Tree(NamedTuple):
    """All of it, in units of an SVG of width x height."""

    width: float
    height: float
    tracks: tuple[Track, ...]
    edges: tuple[Edge, ...]
    nodes: tuple[Node, ...]
    lanes: tuple[Label, ...]
    ticks: tuple[Label, ...]
    phases: tuple[Label, ...]
    formulas: tuple[str, ...]
    """In the order of their colours."""
    num_hidden: int
    """Members that are not drawn."""


class _Grid(NamedTuple):
    columns: Mapping[int, float]
    """Generation -> x of its middle."""
    lanes: Mapping[int, float]
    """Lineage -> y of its track."""


def tree_of(members: Iterable[MemberRecord]) -> Tree | None:
    """The tree of a run; None while no generation is complete. Baselines have no part in it."""
    own = [one for one in members if one.role != "control"]
    if not own:
        return None
    drawn = own if len(own) <= MOST_NODES else [one for one in own if _matters(one)]
    formulas = tuple(dict.fromkeys(one.genome.formula for one in own if _goes_on(one)))
    colours = {formula: index for index, formula in enumerate(formulas[:MOST_COLOURS])}
    grid = _grid(drawn)
    nodes = _nodes(drawn, grid, colours)
    bottom = max(grid.lanes.values()) + LANE_GAP
    return Tree(
        width=max(grid.columns.values()) + COLUMN,
        height=bottom,
        tracks=tuple(_tracks(drawn, grid, colours)),
        edges=tuple(_edges(drawn, nodes, grid)),
        nodes=tuple(nodes.values()),
        lanes=tuple(Label(_lane_name(lane), 6, y) for lane, y in grid.lanes.items()),
        ticks=tuple(_ticks(grid)),
        phases=tuple(_phases(drawn, grid)),
        formulas=formulas[:MOST_COLOURS],
        num_hidden=len(own) - len(drawn),
    )


def _goes_on(member: MemberRecord) -> bool:
    return member.role in ("champion", "host")


def _matters(member: MemberRecord) -> bool:
    return _goes_on(member) or member.status == "accepted"


def _lane(member: MemberRecord) -> int:
    return HOST if member.role == "host" else member.lineage


def _lane_name(lane: int) -> str:
    return "host" if lane == HOST else f"lineage {lane}"


def _key(member: MemberRecord) -> tuple[int, str]:
    return member.generation, member.member_id


def _grid(members: Sequence[MemberRecord]) -> _Grid:
    """Columns side by side, and lanes with room for their challengers above them."""
    generations = sorted({one.generation for one in members})
    columns = {one: LEFT + (index + 0.5) * COLUMN for index, one in enumerate(generations)}
    known = {_lane(one) for one in members}
    crowds: dict[tuple[int, int], int] = {}
    for one in members:
        if not _goes_on(one):
            place = (one.generation, _lane(one))
            crowds[place] = crowds.get(place, 0) + 1
    lanes, y = {}, TOP
    for lane in [*sorted(known - {HOST}), *([HOST] if HOST in known else [])]:
        most = max((count for (_, own), count in crowds.items() if own == lane), default=0)
        y += most * ROW + LANE_GAP
        lanes[lane] = y
    return _Grid(columns, lanes)


def _nodes(
    members: Sequence[MemberRecord], grid: _Grid, colours: Mapping[str, int]
) -> dict[tuple[int, str], Node]:
    nodes: dict[tuple[int, str], Node] = {}
    heights: dict[tuple[int, int], int] = {}
    for one in sorted(members, key=lambda one: (one.generation, not _goes_on(one), one.member_id)):
        place = (one.generation, _lane(one))
        level = 0 if _goes_on(one) else heights.get(place, 0) + 1
        heights[place] = max(level, heights.get(place, 0))
        nodes[_key(one)] = Node(
            *(one.member_id, one.generation, kind_of(one)),
            x=grid.columns[one.generation],
            y=grid.lanes[_lane(one)] - level * ROW,
            colour=colours.get(one.genome.formula),
            label=_told(one),
        )
    return nodes


def _told(member: MemberRecord) -> str:
    """A member in a sentence, for a screen reader and under the pointer."""
    score = "" if member.bits_per_byte is None else f", {member.bits_per_byte:.4f} bits per byte"
    gain = "" if member.gain is None else f", gain {member.gain:+.4f}"
    made = f", {member.operator}" if member.operator else ""
    where = _lane_name(_lane(member))
    return (
        f"{kind_of(member)} of {where}, generation {member.generation}: "
        f"{member.genome.formula}{made}{score}{gain}"
    )


def _tracks(
    members: Iterable[MemberRecord], grid: _Grid, colours: Mapping[str, int]
) -> list[Track]:
    tracks: dict[int, tuple[str, Track]] = {}
    done: list[Track] = []
    for one in members:
        if not _goes_on(one):
            continue
        lane, x = _lane(one), grid.columns[one.generation]
        piece = Track(
            x - COLUMN / 2, x + COLUMN / 2, grid.lanes[lane], colours.get(one.genome.formula)
        )
        formula, open_track = tracks.get(lane, ("", piece))
        if formula == one.genome.formula and open_track.x2 >= piece.x1 - 0.01:
            tracks[lane] = (formula, open_track._replace(x2=piece.x2))
            continue
        if formula:
            done.append(open_track)
        tracks[lane] = (one.genome.formula, piece)
    return [*done, *(track for _, track in tracks.values())]


def _edges(
    members: Sequence[MemberRecord], nodes: Mapping[tuple[int, str], Node], grid: _Grid
) -> list[Edge]:
    edges: list[Edge] = []
    crowd: dict[tuple[float, int], float] = {}
    for one in members:
        node, lane = nodes[_key(one)], _lane(one)
        if _goes_on(one):
            continue
        place = (node.x, lane)
        crowd[place] = min(node.y, crowd.get(place, node.y))
        source = re.search(r" from lineage (\d+)$", one.operator)
        if source and int(source[1]) in grid.lanes:
            edges.append(Edge("migrant", _bend(node.x, grid.lanes[int(source[1])], node)))
        if one.status == "accepted":
            edges.append(Edge("accepted", _rise(node, grid.lanes[lane])))
    stems = [
        Edge("stem", f"M{x:.1f} {grid.lanes[lane]:.1f}V{y:.1f}") for (x, lane), y in crowd.items()
    ]
    return [*stems, *edges, *_merger(members, grid)]


def _bend(x: float, y: float, node: Node) -> str:
    """From a lane of the same column, out to the left and back."""
    aside = x - COLUMN * 0.42
    bend = f"{aside:.1f} {y:.1f} {aside:.1f} {node.y:.1f}"
    return f"M{x:.1f} {y:.1f}C{bend} {node.x:.1f} {node.y:.1f}"


def _rise(node: Node, y: float) -> str:
    """From a challenger to its lineage's next champion."""
    end, half = node.x + COLUMN, node.x + COLUMN / 2
    bend = f"{half:.1f} {node.y:.1f} {half:.1f} {y:.1f}"
    return f"M{node.x:.1f} {node.y:.1f}C{bend} {end:.1f} {y:.1f}"


def _merger(members: Sequence[MemberRecord], grid: _Grid) -> list[Edge]:
    """From the lineage that became the host to the host's first generation."""
    hosts = [one for one in members if one.role == "host"]
    if not hosts or hosts[0].lineage not in grid.lanes:
        return []
    first = hosts[0]
    before = [
        one.generation
        for one in members
        if one.role == "champion"
        and one.lineage == first.lineage
        and one.generation < first.generation
    ]
    if not before:
        return []
    x1, x2 = grid.columns[before[-1]] + COLUMN / 2, grid.columns[first.generation] - COLUMN / 2
    y1, y2 = grid.lanes[first.lineage], grid.lanes[HOST]
    return [Edge("merger", f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}")]


def _ticks(grid: _Grid) -> list[Label]:
    """Every fifth generation, or every tenth of many."""
    every = 5 if len(grid.columns) <= 150 else 10
    bottom = max(grid.lanes.values()) + LANE_GAP - 8
    return [Label(str(one), x, bottom) for one, x in grid.columns.items() if one % every == 0]


def _phases(members: Iterable[MemberRecord], grid: _Grid) -> list[Label]:
    names = {one.generation: one.phase for one in members}
    found: list[Label] = []
    for generation, x in grid.columns.items():
        left = x - COLUMN / 2
        if found and found[-1].text == names[generation]:
            found[-1] = found[-1]._replace(width=left + COLUMN - found[-1].x)
        else:
            found.append(Label(names[generation], left, 14, COLUMN))
    return found
