"""The parts of the live view: record -> lines of text. Pure; foreign text is never markup."""

from typing import get_args

from rich.text import Text

from dashboard.terminal.event_lines import plain_line
from dashboard.terminal.figures import bar, duration, printable, sparkline
from dashboard.terminal.snapshot import Pace, RunView, eta_seconds
from dashboard.terminal.synchrony import synchrony_line
from dashboard.terminal.training import model_line
from state.records import Decision, PhaseName

PHASES: tuple[PhaseName, ...] = get_args(PhaseName)[:6]

_NUM_WEAKEST = 3
"""Probes of a battery that are named."""
_GATE_MARKS = {"pass": ("+", "green"), "retry": ("~", "yellow"), "revert": ("<", "red")}


def header(view: RunView, pace: Pace, width: int) -> list[Text]:
    """Three lines: what runs, how much of the budget is spent, and the phases or the model."""
    run = view.run
    best = f"best {run.best_bits_per_byte:.4f} bpb" if run.best_bits_per_byte is not None else ""
    chunks = "chunk" if view.is_single else "generation"
    generation = "" if run.generation is None else f"{chunks} {run.generation}"
    facts = [_phase_of(view), generation, best, run.domain or "", _status(view)]
    title = Text("symbio-auto ", style="bold")
    title.append(printable(run.run_id), style="bold cyan")
    title.append("".join(f"  {printable(fact)}" for fact in facts if fact))
    last = model_line(view) if view.is_single else phase_strip(view, width)
    return [title, _budget(view, pace, width), last]


def phase_strip(view: RunView, width: int) -> Text:
    """The six phases: `+` passed its gate, `~` is retried, `<` went back, `>` is going on."""
    strip = Text()
    verdicts = gate_verdicts(view.decisions)
    for phase in PHASES:
        verdict = verdicts.get(phase, "")
        mark, style = _GATE_MARKS.get(verdict, (" ", "dim"))
        if phase == view.phase and verdict != "pass":
            mark, style = ">", "bold"
        told = f" {verdict}" if verdict and width >= 120 else ""
        strip.append(f"{mark}{phase.capitalize()}{told} ", style=style)
    return strip


def gate_verdicts(decisions: tuple[Decision, ...]) -> dict[PhaseName, str]:
    """The last verdict of each phase's gate."""
    return {decision.phase: decision.kind for decision in decisions if decision.kind in _GATE_MARKS}


def decision(view: RunView) -> list[Text]:
    """The last decision, its reason, and the settings it changed."""
    if not view.decisions:
        return [Text("none yet", style="dim")]
    last = view.decisions[-1]
    line = Text(f"{last.kind}", style="bold")
    line.append(f" ({last.phase}, generation {last.generation})", style="dim")
    line.append(f": {printable(last.reason)}")
    changes = [f"{printable(a.setting)} {a.before:g} to {a.after:g}" for a in last.adjustments]
    return [line, Text(", ".join(changes))] if changes else [line]


def signals(view: RunView, width: int, *, ascii_only: bool) -> list[Text]:
    """Synchrony, battery, the latest findings and the course of the search loss."""
    lines = [synchrony_line(view, width, ascii_only=ascii_only), _battery(view)]
    if view.findings:
        found = (f"{printable(f.finding.detector)} ({f.generation})" for f in view.findings)
        lines.append(Text("findings   ", style="yellow").append(", ".join(found), style="default"))
    if len(view.best_bits_per_byte) > 1:
        first, last = view.best_bits_per_byte[0], view.best_bits_per_byte[-1]
        curve = sparkline(view.best_bits_per_byte, max(8, width - 30), ascii_only=ascii_only)
        lines.append(Text(f"bpb        {first:.3f} {curve} {last:.3f}"))
    return lines


def sample(view: RunView) -> Text:
    """The newest text that the run's model wrote."""
    if view.sample is None:
        return Text("none yet", style="dim")
    text = Text(printable(view.sample.prompt), style="dim")
    text.append(f" {printable(view.sample.text)}", style="default")
    text.append(f"  [temperature {view.sample.temperature:g}]", style="dim")
    return text


def events(view: RunView, rows: int) -> list[Text]:
    """The newest events, the newest last; below them what is slow as long as it is."""
    lines = [Text(plain_line(event)) for event in view.events]
    lines += [Text(plain_line(row), style="yellow") for row in view.slow]
    return lines[-rows:] if rows > 0 else []


def _phase_of(view: RunView) -> str:
    names: tuple[str, ...] = PHASES
    phase = view.phase or "starting"
    return f"phase {names.index(phase) + 1}/6 {phase}" if phase in names else phase


def _status(view: RunView) -> str:
    return "" if view.run.status in {None, "active"} else str(view.run.status)


def _budget(view: RunView, pace: Pace, width: int) -> Text:
    if view.ledger is None:
        return Text("budget unknown")
    share = view.spent / view.ledger.budget
    tail = (
        f" {view.spent:,}/{view.ledger.budget:,} steps {share:.0%}  "
        f"elapsed {duration(pace.seconds)}  ETA {duration(eta_seconds(view, pace))}"
    )
    return Text(f"budget {bar(share, max(3, min(60, width - 7 - len(tail))))}{tail}")


def _battery(view: RunView) -> Text:
    line = Text("battery    ", style="magenta")
    found = view.battery
    if found is None:
        return line.append("not run yet", style="dim")
    line.append(f"{found.composite:.3f}", style="bold")
    if found.interval is not None:
        line.append(f" ({found.interval[0]:.2f} to {found.interval[1]:.2f})")
    line.append(f" after {found.phase}, weakest: ", style="default")
    weakest = sorted(found.probes, key=lambda probe: probe.score)[:_NUM_WEAKEST]
    line.append(", ".join(f"{printable(probe.name)} {probe.score:.2f}" for probe in weakest))
    return line.append(", recites its train text", style="red") if found.memorised else line
