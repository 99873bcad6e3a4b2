"""Synchrony, battery and lamps in a few lines, where there is no room for their panels. Pure."""

from rich.text import Text

from dashboard.terminal.lamps import cusum_lamps, detector_lamps, lamp_line
from dashboard.terminal.layout import Room, Section, Want
from dashboard.terminal.loss import course_line, courses
from dashboard.terminal.sections import battery_text
from dashboard.terminal.snapshot import RunView
from dashboard.terminal.synchrony import synchrony_line


def signals(view: RunView, room: Room) -> Section:
    """A line for each: a model that trains alone has charts and detectors, no population."""
    return _section("signals", _signals(view, room))


def readings(view: RunView, room: Room) -> Section:
    """The losses and the signals, where there is no room for two sections."""
    curves = [course_line(one, room.width, ascii_only=room.ascii_only) for one in courses(view)]
    return _section("signals", [*curves, *_signals(view, room)])


def _section(title: str, lines: list[Text]) -> Section:
    need = 1 + len(lines)
    return Section(Text(title, style="bold"), Want(need, need, need), lambda rows: lines[:rows])


def _signals(view: RunView, room: Room) -> list[Text]:
    width = room.width
    lines = [lamp_line("detectors", detector_lamps(view), width)]
    if charts := cusum_lamps(view):
        lines.append(lamp_line("charts", charts, width))
    if not view.is_single:
        return [
            synchrony_line(view, width, ascii_only=room.ascii_only),
            battery_text(view, width),
            *lines,
        ]
    return lines
