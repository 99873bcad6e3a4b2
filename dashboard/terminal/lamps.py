"""Lamps: what the detectors saw in this phase, what the clock says, and the CUSUM charts. Pure.

A lamp is a sign and a colour, so it reads without colour.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from rich.text import Text

from dashboard.terminal.figures import printable
from dashboard.terminal.layout import Room, Section, Want
from dashboard.terminal.lines import fitted, joined
from dashboard.terminal.snapshot import RunView
from state.detector_names import DETECTOR_NAMES
from state.records import Decision
from state.store_rows import StoredFinding

State = Literal["off", "warned", "responded"]

CLOCK = {"phase_slow": "phase slow", "throughput_collapse": "throughput"}
"""Kinds of events in the log that stand as long as they hold."""
CHARTS = {
    "gradient": {0x01: "up", 0x02: "down"},
    "clipping": {0x04: "up"},
    "throughput": {0x08: "down"},
    "search loss": {0x10: "up"},
}
"""The charts and what the bits of `cusum_alerts` say of them."""

LEAST_LAMP = 38
"""Characters of one lamp; more where one has more to say."""
_SIGNS = {"off": ".", "warned": "!", "responded": "*"}
_STYLES = {"off": "dim", "warned": "bold yellow", "responded": "bold green"}


class Lamp(NamedTuple):
    """One lamp."""

    name: str
    state: State
    note: str = ""
    """When, in few words."""
    short: str = ""
    """The same in fewer."""
    reason: str = ""
    """The numbers behind it, where there is room for them."""


def detector_lamps(view: RunView) -> list[Lamp]:
    """Every detector by its findings in this phase, then what is slow."""
    found = [one for one in view.findings if one.phase == view.phase]
    names = dict.fromkeys([*DETECTOR_NAMES, *(one.finding.detector for one in found)])
    lamps = [_detector(name, found, view.decisions) for name in names]
    slow = {row.get("kind") for row in view.slow}
    clock = [
        Lamp(name, "warned", "now") if kind in slow else Lamp(name, "off")
        for kind, name in CLOCK.items()
    ]
    return [*lamps, *clock]


def cusum_lamps(view: RunView) -> list[Lamp]:
    """The four charts; none where no instrument was on. Lit is an alarm in the newest chunk."""
    if view.alarms is None:
        return []
    begun = view.steps[0].step if view.steps else 0
    lamps = []
    for name, bits in CHARTS.items():
        own = [(view.alarms[bit], way) for bit, way in bits.items() if bit in view.alarms]
        if not own:
            lamps.append(Lamp(name, "off", "no alarm"))
            continue
        last, way = max(own, key=lambda alarm: alarm[0].last_step)
        count = sum(alarm.times for alarm, _ in own)
        note = f"{way} at step {last.last_step:,}, {count:,} in all"
        lamps.append(Lamp(name, "warned" if last.last_step >= begun else "off", note))
    return lamps


def lamp_line(title: str, lamps: Sequence[Lamp], width: int) -> Text:
    """A sign for each lamp, and the names of those that are lit, as many as there is room for."""
    line = Text(f"{title:10} ", style="magenta")
    for lamp in lamps:
        line.append(_SIGNS[lamp.state], style=f"not bold {_STYLES[lamp.state]}")
    lit = [lamp for lamp in lamps if lamp.state != "off"]
    room = width - line.cell_len - 2
    told = [(_told(lamp, reason=len(lit) == 1), rank) for rank, lamp in enumerate(lit)]
    shown = joined(told, room) if told else Text("all quiet", style="dim")
    return line.append("  ").append_text(shown)


def lamp_rows(lamps: Sequence[Lamp], width: int) -> list[Text]:
    """Sign, name and note of every lamp, in as many columns as there is room for."""
    longest = max([LEAST_LAMP, *(_lamp(lamp).cell_len for lamp in lamps)])
    columns = max(1, (width + 2) // (longest + 2))
    height = -(-len(lamps) // columns)
    each = (width - 2 * (columns - 1)) // columns
    rows = [lamps[row::height] for row in range(height)]
    return [Text("  ").join(fitted(_lamp(lamp), each) for lamp in row) for row in rows]


def detectors(view: RunView, room: Room) -> Section:
    """All lamps with their names."""
    title = Text("detectors", style="bold").append("  . quiet  ! warned  * answered", style="dim")
    lines = lamp_rows(detector_lamps(view), room.width)
    reasons = _reasons(view)
    need = 1 + len(lines)
    most = need + len(reasons)
    return Section(title, Want(2, need, most), lambda rows: [*lines, *reasons][:rows])


def charts(view: RunView, room: Room) -> Section | None:
    """The CUSUM lamps with their names; None where there are none."""
    lamps = cusum_lamps(view)
    if not lamps:
        return None
    title = Text("charts", style="bold").append("  . quiet  ! alarm in this chunk", style="dim")
    lines = lamp_rows(lamps, room.width)
    return Section(title, Want(2, 1 + len(lines), 1 + len(lines)), lambda rows: lines[:rows])


def _detector(name: str, found: Sequence[StoredFinding], decisions: Sequence[Decision]) -> Lamp:
    own = [one for one in found if one.finding.detector == name]
    shown = name.replace("_", " ")
    if not own:
        return Lamp(shown, "off")
    answered = [one for one in own if any(_answers(decision, one) for decision in decisions)]
    last = (answered or own)[-1]
    again = f", {len(own)} times" if len(own) > 1 else ""
    note = f"generation {last.generation}{again}"
    state: State = "responded" if answered else "warned"
    return Lamp(shown, state, note, f"at {last.generation}", last.finding.reason)


def _answers(decision: Decision, found: StoredFinding) -> bool:
    """The decision of that generation changed something because of the finding, or went back
    because findings had added up.
    """
    if (decision.phase, decision.generation) != (found.phase, found.generation):
        return False
    if decision.kind == "revert":
        return decision.reason.startswith("findings sum")
    named = f"{found.finding.detector}:" in decision.reason
    return decision.kind == "adapt" and (named or found.finding.reason in decision.reason)


def _told(lamp: Lamp, *, reason: bool) -> Text:
    text = Text(f"{_SIGNS[lamp.state]} {printable(lamp.name)}", style=_STYLES[lamp.state])
    told = f": {printable(lamp.reason)}" if reason and lamp.reason else ""
    return text.append(f" {lamp.short or lamp.note}{told}", style="default not bold")


def _lamp(lamp: Lamp) -> Text:
    text = Text(f"{_SIGNS[lamp.state]} {printable(lamp.name)}", style=_STYLES[lamp.state])
    return text.append(f"  {lamp.note}", style="default not bold") if lamp.note else text


def _reasons(view: RunView) -> list[Text]:
    return [
        Text(f"{_SIGNS[lamp.state]} {printable(lamp.name)}: {printable(lamp.reason)}")
        for lamp in detector_lamps(view)
        if lamp.reason
    ]
