"""The last decision, the battery, samples and events. Pure; foreign text is never markup."""

from collections.abc import Sequence

from rich.text import Text

from dashboard.terminal.event_lines import plain_line
from dashboard.terminal.figures import bar, number, printable
from dashboard.terminal.layout import Room, Section, Want
from dashboard.terminal.lines import fitted, joined, num_lines, wrapped
from dashboard.terminal.snapshot import RunView
from state.records import BatteryReport, ProbeScore
from state.store_rows import StoredSample

NUM_WEAKEST = 3
"""Probes of a battery that are named."""
NAMED_PHASE = 90
"""Width from which the line of the battery says when it was asked."""
PROBE_WIDTH = 36
"""Of one probe with its bar."""
MOST_DECISION = 12
"""Rows of a decision. It is whole where that takes no more than half of its column."""
WHOLE_EVENTS = 6
"""Rows from which events are wrapped; on fewer each has one line, which is cut."""
SAMPLE_LINES = 4
"""Of one sample, where there is room for several."""
USUAL_TEMPERATURE = 0.7


def decision(view: RunView, room: Room) -> Section:
    """The last decision, its whole reason, and the settings it changed."""
    title, width = Text("decision", style="bold"), room.width
    if not view.decisions:
        return _said(title, Text("none yet", style="dim"))
    last = view.decisions[-1]
    title.append(f"  {last.phase} generation {last.generation}", style="dim")
    line = Text(last.kind, style="bold").append(f": {printable(last.reason)}", style="not bold")
    changes = [f"{printable(a.setting)} {a.before:g} to {a.after:g}" for a in last.adjustments]
    texts = [line, Text(", ".join(changes), style="cyan")] if changes else [line]
    need = min(MOST_DECISION, 1 + num_lines(texts, width))
    least = need if need <= room.rows // 2 else min(need, max(3, room.rows // 3))
    return Section(title, Want(least, need, need), lambda rows: _paragraphs(texts, width, rows))


def battery_text(view: RunView, width: int) -> Text:
    """The newest composite on one line, with the weakest probes that there is room for."""
    line = Text("battery    ", style="magenta")
    found = view.battery
    if found is None:
        return line.append("not run yet", style="dim")
    weakest = sorted(found.probes, key=lambda probe: probe.score)[:NUM_WEAKEST]
    facts = [(Text(_named(probe)), rank) for rank, probe in enumerate(weakest, start=1)]
    line.append_text(_composite(found))
    if width >= NAMED_PHASE:
        line.append(f" after {found.phase}", style="default not bold")
    line.append(", weakest ", style="default not bold")
    named = joined(facts, width - line.cell_len, gap=", ")
    return line.append_text(named) if named.plain else line


def battery(view: RunView, room: Room) -> Section:
    """Every probe with a bar, where there is room for that."""
    title = Text("battery", style="bold")
    found = view.battery
    if found is None:
        return _said(title, Text("not run yet", style="dim"))
    title.append(f"  after {found.phase}", style="dim")
    columns = max(1, (room.width + 2) // (PROBE_WIDTH + 2))
    rows = [found.probes[at : at + columns] for at in range(0, len(found.probes), columns)]
    lines = [_composite(found), *(_probes(row) for row in rows)]
    need = 1 + len(lines)
    return Section(title, Want(2, need, need), lambda given: lines[:given])


def sample(view: RunView, room: Room) -> Section:
    """What the run's model wrote last: one text, and where there is room the same prompt at
    other temperatures, and other prompts.
    """
    title, width = Text("sample", style="bold"), room.width
    texts = [_spoken(one) for one in chosen_samples(view.samples)]
    if not texts:
        return _said(title, Text("none yet", style="dim"))
    title.append(f"  after {view.samples[-1].phase}", style="dim")
    first = num_lines(texts[:1], width)
    good = 1 + min(SAMPLE_LINES, first)
    most = 1 + sum(num_lines([text], width) for text in texts)
    return Section(title, Want(min(3, good), good, most), lambda rows: _several(texts, width, rows))


def events(view: RunView, room: Room) -> Section:
    """The newest events, the newest last; below them what is slow as long as it is."""
    told = [Text(plain_line(event)) for event in view.events]
    told += [Text(plain_line(row), style="yellow") for row in view.slow]
    most = max(4, 1 + num_lines(told, room.width))

    def draw(rows: int) -> list[Text]:
        if rows >= WHOLE_EVENTS:
            return _newest(told, room.width, rows)
        return [fitted(line, room.width) for line in told[-rows:]] if rows > 0 else []

    return Section(Text("events", style="bold"), Want(2, 4, most), draw)


def chosen_samples(samples: Sequence[StoredSample]) -> list[StoredSample]:
    """Answers to one prompt, the one at the usual temperature first; then to others at that."""
    if not samples:
        return []
    prompt = samples[0].sample.prompt
    near = sorted(samples, key=lambda one: abs(one.sample.temperature - USUAL_TEMPERATURE))
    own = [one for one in near if one.sample.prompt == prompt]
    usual = own[0].sample.temperature
    others = (one for one in near if one.sample.prompt != prompt)
    return [*own, *(one for one in others if one.sample.temperature == usual)]


def _newest(told: Sequence[Text], width: int, rows: int) -> list[Text]:
    """As many of the last texts as fit, each whole, unless one alone is longer than that."""
    lines: list[Text] = []
    for text in reversed(told):
        more = wrapped(text, width, rows)
        if lines and len(lines) + len(more) > rows:
            break
        lines = [*more, *lines]
    return lines


def _said(title: Text, line: Text) -> Section:
    return Section(title, Want(2, 2, 2), lambda rows: [line][:rows])


def _paragraphs(texts: Sequence[Text], width: int, rows: int) -> list[Text]:
    lines: list[Text] = []
    for text in texts:
        lines += wrapped(text, width, rows - len(lines))
    return lines


def _several(texts: Sequence[Text], width: int, rows: int) -> list[Text]:
    """The first text as far as there is room; others only as a whole."""
    lines = wrapped(texts[0], width, rows)
    for text in texts[1:]:
        if num_lines([text], width) <= rows - len(lines):
            lines += wrapped(text, width, rows)
    return lines


def _spoken(one: StoredSample) -> Text:
    text = Text(f"[{one.sample.temperature:g}] ", style="magenta")
    text.append(_one_line(one.sample.prompt), style="dim not bold default")
    return text.append(f" {_one_line(one.sample.text)}", style="default")


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())


def _composite(found: BatteryReport) -> Text:
    line = Text(number(found.composite, "{:.3f}"), style="bold")
    if found.interval is not None:
        line.append(f" ({found.interval[0]:.2f} to {found.interval[1]:.2f})", style="not bold")
    return line.append(", recites its train text", style="bold red") if found.memorised else line


def _named(probe: ProbeScore) -> str:
    return f"{printable(probe.name.replace('_', ' '))} {probe.score:.2f}"


def _probes(probes: Sequence[ProbeScore]) -> Text:
    return Text("  ").join(fitted(_probe(probe), PROBE_WIDTH) for probe in probes)


def _probe(probe: ProbeScore) -> Text:
    name = fitted(Text(printable(probe.name.replace("_", " "))), 17)
    return name.append(f" {probe.score:.2f} ").append(bar(probe.score, 13), style="cyan")
