"""The loss of a run: training and search split, with all that happened to it on the way."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from dashboard.web.figures import curves
from dashboard.web.figures.curves import Curves, Window
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
from dashboard.web.figures.timeline import GOES_ON, HOST, band_names, bands
from state import metrics_figures
from state.records import Decision, MemberRecord

MOST_SKIPS = 300
_LANES = ("skipped", "switch", "gate")
"""Rows of the panel of events, from below."""
_GATES = {
    "pass": ("passed its gate", "--green", "triangle-up"),
    "retry": ("has to try again", "--ochre", "diamond"),
    "revert": ("went back", "--red", "triangle-down"),
    "finish": ("finished", "--ink", "star"),
}


def loss(view: RunView, window: Window | None = None) -> Figure:
    """Training loss of those that go on, bits per byte on the search split, and events."""
    timeline = view.timeline
    if not timeline.index:
        return nothing("No steps yet: the loss is drawn once the first task is done.")
    read = curves.load(view, ("loss", "val_loss"), window)
    measured = _measured(view)
    events = [*_gates(view), *_switches(view), *_skips(view)]
    has_search = bool(measured)
    panels = [Panel("training loss, nats per token", 3)]
    panels += [Panel("search split, bits per byte", 2)] * has_search
    panels += [Panel("", 0.85)] * bool(events)
    traces = _training(read)
    traces += [trace | {"yaxis": "y2"} for trace in measured]
    lane = f"y{len(panels)}"
    drawn = figure(
        [*traces, *(trace | {"yaxis": lane} for trace in events)],
        height=300 + 150 * has_search + 80 * bool(events),
        x_title=timeline.title,
        panels=panels,
        shapes=bands(timeline),
        end=timeline.end,
        notes=band_names(timeline),
    )
    if events:
        _lanes(drawn, f"yaxis{len(panels)}")
    return drawn


def line_name(number: int, *, single: bool = False) -> str:
    """What a line of those that go on is called."""
    return f"lineage {number}" if number != HOST else "model" if single else "host"


def line_colour(number: int) -> str:
    """The host and the model alone have the first colour."""
    return series(0) if number == HOST else series(number + 1)


def _training(read: Curves) -> list[Trace]:
    traces: list[Trace] = []
    single = read.timeline.single
    for number in read.lines:
        traces += curves.drawn(
            line_name(number, single=single),
            read.line("loss", number),
            line_colour(number),
            width=2.2 if number == HOST else 1.4,
        )
    validated = [one for one in read.main("val_loss") if one is not None and one.spread]
    if validated:
        x, y = curves.means(validated)
        traces.append(line("validation", x, y, "--ochre", mode="lines+markers"))
    return traces


def _measured(view: RunView) -> list[Trace]:
    """Bits per byte of those that go on, and the best so far."""
    own: dict[int, list[tuple[float, float]]] = {}
    for member in view.members:
        at = view.timeline.end_of(member.generation)
        if member.role in GOES_ON and member.bits_per_byte is not None and at is not None:
            number = HOST if member.role == "host" else member.lineage
            own.setdefault(number, []).append((at, member.bits_per_byte))
    traces = []
    look: Trace
    for number, points in sorted(own.items()):
        name = line_name(number, single=view.timeline.single)
        x, y = zip(*points, strict=True)
        look = {"color": line_colour(number), "size": 4}
        traces.append(
            line(
                *(f"{name}: search", x, y, line_colour(number)),
                mode="lines+markers" if len(x) < 120 else "lines",
                marker=look,
                showlegend=False,
                legendgroup=f"{name} 1",
            )
        )
    best = best_so_far(view)
    if best:
        x, y = zip(*best, strict=True)
        look = {"shape": "hv", "dash": "dot"}
        traces.append(line("best so far", x, y, "--ink", width=1.2, line=look))
    return traces


def best_so_far(view: RunView) -> list[tuple[float, float]]:
    """(place on the axis, least bits per byte of any generation by then)."""
    found = [
        (at, one.best_bits_per_byte)
        for one in view.generations
        if one.best_bits_per_byte is not None
        and one.phase != "control"
        and (at := view.timeline.end_of(one.generation)) is not None
    ]
    bests = accumulate((bits for _, bits in found), min)
    return [(at, best) for (at, _), best in zip(found, bests, strict=True)]


def _gates(view: RunView) -> list[Trace]:
    """What became of each phase, by verdict."""
    traces = []
    for kind, (name, colour, symbol) in _GATES.items():
        own = [one for one in view.decisions if one.kind == kind]
        placed = [(at, one) for one in own if (at := view.timeline.end_of(one.generation))]
        if placed:
            traces.append(
                dots(
                    *(name, [at for at, _ in placed], [2] * len(placed), colour),
                    size=10,
                    symbol=symbol,
                    texts=[_told(one) for _, one in placed],
                )
            )
    return traces


def _told(decision: Decision) -> str:
    return f"{safe(decision.phase)}: {safe(decision.reason, 110)}"


def _switches(view: RunView) -> list[Trace]:
    found = formula_switches(view.members)
    placed = [
        (at, text) for generation, text in found if (at := _start(view, generation)) is not None
    ]
    if not placed:
        return []
    x, texts = zip(*placed, strict=True)
    return [
        dots(
            *("activation switched", x, [1] * len(x), "--purple"),
            size=9,
            symbol="diamond-open",
            texts=texts,
        )
    ]


def formula_switches(members: Iterable[MemberRecord]) -> list[tuple[int, str]]:
    """(generation, what changed) where one that goes on has another activation than before."""
    before: dict[int, str] = {}
    found = []
    for member in members:
        if member.role not in GOES_ON:
            continue
        number = HOST if member.role == "host" else member.lineage
        old, new = before.get(number), member.genome.formula
        if old is not None and old != new:
            name = line_name(number)
            found.append((member.generation, f"{name}: {safe(old, 44)} → {safe(new, 44)}"))
        before[number] = new
    return found


def _start(view: RunView, generation: int) -> float | None:
    place = view.timeline.places.get(generation)
    return place[0] if place else None


def _skips(view: RunView) -> list[Trace]:
    extent = view.timeline.extent(None)
    count, found = metrics_figures.marked(view.reader, view.run_id, "skipped", MOST_SKIPS, extent)
    placed = [
        (at, one.step)
        for one in found
        if (at := view.timeline.position(one.generation, one.member_id, one.step)) is not None
    ]
    if not placed:
        return []
    name = "skipped step" if count <= MOST_SKIPS else f"the last {MOST_SKIPS} of {count} skipped"
    texts = [f"step {step:,}: not finite, or a spike" for _, step in placed]
    x = [at for at, _ in placed]
    return [dots(name, x, [0] * len(x), "--red", size=7, symbol="x-thin-open", texts=texts)]


def _lanes(drawn: Figure, axis: str) -> None:
    """Name the rows of the panel of events."""
    layout = drawn["layout"]
    assert isinstance(layout, dict)
    own = layout[axis]
    assert isinstance(own, dict)
    names: Sequence[str] = _LANES
    own |= {
        "range": [-0.6, 2.6],
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": list(names),
        "fixedrange": True,
        "gridcolor": "--grid",
    }
