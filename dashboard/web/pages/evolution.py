"""What the page of a run's evolution shows beside its figures."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from dashboard.web.figures.activation import Curve, Exhibit, curve_of, gallery, name_of
from dashboard.web.figures.population import kind_of
from dashboard.web.figures.run_view import RunView
from state.records import Adjustment, Decision, MemberRecord

MOST_EXHIBITS = 72
KINDS = {
    "continue": "goes on",
    "advance": "advances",
    "extend": "is extended",
    "adapt": "adapts",
    "revert": "goes back",
    "pass": "passes its gate",
    "retry": "tries again",
    "finish": "finishes",
}


class Entry(NamedTuple):
    """Decisions of one kind with one reason that follow each other."""

    phase: str
    kind: str
    said: str
    first: int
    last: int
    times: int
    reason: str
    numbers: tuple[tuple[str, str], ...]
    adjustments: tuple[Adjustment, ...]


class Cell(NamedTuple):
    """A generation of the strip."""

    generation: int
    phase: str
    height: float
    """How far the best is from the worst that the run had, 0 to 100."""
    accepted: int
    members: int
    best: float | None
    title: str


class Detail(NamedTuple):
    """A member, as it is shown when it is chosen."""

    member: MemberRecord
    kind: str
    name: str
    curve: Curve | None
    parents: tuple[tuple[str, Curve | None], ...]


def entries(decisions: Sequence[Decision]) -> list[Entry]:
    """The timeline, oldest first."""
    found = []
    for _, group in groupby(decisions, key=lambda one: (one.phase, one.kind, one.reason)):
        own = list(group)
        last = own[-1]
        numbers = tuple((name.replace("_", " "), f"{v:.5g}") for name, v in last.numbers.items())
        found.append(
            Entry(
                phase=last.phase,
                kind=last.kind,
                said=KINDS.get(last.kind, last.kind),
                first=own[0].generation,
                last=last.generation,
                times=len(own),
                reason=last.reason,
                numbers=numbers,
                adjustments=last.adjustments,
            )
        )
    return found


def strip(view: RunView) -> list[Cell]:
    """Every generation of the run itself as a small column."""
    own: dict[int, list[MemberRecord]] = {}
    for member in view.members:
        own.setdefault(member.generation, []).append(member)
    generations = [one for one in view.generations if one.phase != "control"]
    bests = [one.best_bits_per_byte for one in generations if one.best_bits_per_byte]
    low, high = min(bests, default=0.0), max(bests, default=1.0)
    cells = []
    for one in generations:
        members = own.get(one.generation, [])
        accepted = sum(member.status == "accepted" for member in members)
        best = one.best_bits_per_byte
        share = 0.0 if best is None else (best - low) / ((high - low) or 1.0)
        shown = "not measured" if best is None else f"best {best:.4f} bits per byte"
        title = (
            f"generation {one.generation}, {one.phase}: {shown}, "
            f"{len(members)} members, {accepted} accepted"
        )
        height = round(12 + 88 * share, 1)
        cells.append(Cell(one.generation, one.phase, height, accepted, len(members), best, title))
    return cells


def exhibits(view: RunView) -> tuple[list[Exhibit], int]:
    """The gallery, and how many more activations there were."""
    found = gallery(view.members)
    return found[:MOST_EXHIBITS], max(0, len(found) - MOST_EXHIBITS)


def detail(view: RunView, generation: int, member_id: str) -> Detail | None:
    """One member; None where there is none of that name."""
    for member in view.members:
        if member.generation == generation and member.member_id == member_id:
            formula = member.genome.formula
            parents = tuple((parent, curve_of(parent)) for parent in member.parents)
            return Detail(member, kind_of(member), name_of(formula), curve_of(formula), parents)
    return None


def of_generation(view: RunView, generation: int) -> list[MemberRecord]:
    """Its members, best first."""
    own = [one for one in view.members if one.generation == generation]
    return sorted(own, key=lambda one: (one.bits_per_byte is None, one.bits_per_byte or 0.0))
