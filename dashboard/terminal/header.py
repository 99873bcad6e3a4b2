"""The lines on top: what runs, how far it is, which gates it has passed, what it does now. Pure."""

from typing import get_args

from pydantic import JsonValue
from rich.text import Text

from dashboard.terminal.figures import bar, duration, number, printable
from dashboard.terminal.lines import fitted, joined
from dashboard.terminal.moment import Moment
from dashboard.terminal.progress import progress_line
from dashboard.terminal.snapshot import RunView
from dashboard.terminal.training import model_line
from state.records import Decision, PhaseName

PHASES: tuple[PhaseName, ...] = get_args(PhaseName)[:6]
NAMED_VERDICTS = 150
"""Width from which the strip says in words what a gate decided."""
MEASURED_VERDICTS = 118
"""Width from which it says at how many bits per byte."""
NAMED_COST = 100
"""Width from which the budget's line says what the machine may cost at most."""
LONGEST_BAR = 60

_GATE_MARKS = {"pass": ("+", "green"), "retry": ("~", "yellow"), "revert": ("<", "red")}


def header(view: RunView, moment: Moment, width: int) -> list[Text]:
    """Title, budget, the phases or the model, and what is going on."""
    last = model_line(view) if view.is_single else phase_strip(view, width)
    return [_title(view, width), _budget(view, moment, width), last, _now(view, moment, width)]


def preparing(moment: Moment, width: int) -> list[Text]:
    """What there is to say before the run has a store."""
    lines = [Text("symbio-auto", style="bold"), Text("preparing ...")]
    if moment.progress is not None:
        lines.append(progress_line(moment.progress, moment.progress_left, width))
    cost = _cost(moment, width)
    lines += [Text(cost)] if cost else []
    return [*lines, Text(printable(moment.note), style="yellow"), _hint(moment)]


def phase_strip(view: RunView, width: int) -> Text:
    """The six phases: `+` passed its gate, `~` is retried, `<` went back, `>` is going on."""
    strip = Text()
    gates = gate_decisions(view.decisions)
    for phase in PHASES:
        gate = gates.get(phase)
        verdict = gate.kind if gate else ""
        mark, style = _GATE_MARKS.get(verdict, (" ", "dim"))
        if phase == view.phase and verdict != "pass" and view.finished is None:
            mark, style = ">", "bold"
        strip.append(f"{mark}{phase.capitalize()}{_told(gate, width)} ", style=style)
    return strip


def gate_decisions(decisions: tuple[Decision, ...]) -> dict[PhaseName, Decision]:
    """The last decision of each phase's gate."""
    return {one.phase: one for one in decisions if one.kind in _GATE_MARKS}


def _told(gate: Decision | None, width: int) -> str:
    if gate is None:
        return ""
    bits = gate.numbers.get("bits_per_byte")
    verdict = f" {gate.kind}" if width >= NAMED_VERDICTS else ""
    measured = bits is not None and width >= MEASURED_VERDICTS
    return f"{verdict} {number(bits, '{:.4f}')}" if measured else verdict


def _title(view: RunView, width: int) -> Text:
    run = view.run
    best = "" if run.best_bits_per_byte is None else f"best {run.best_bits_per_byte:.4f} bpb"
    chunks = "chunk" if view.is_single else "generation"
    facts = (
        (Text("symbio-auto", style="bold"), 4),
        (Text(printable(run.run_id), style="bold cyan"), 0),
        (Text(printable(_phase_of(view))), 0),
        (Text("" if run.generation is None else f"{chunks} {run.generation}"), 3),
        (Text(best), 1),
        (Text(printable(_status(view)), style="yellow"), 2),
        (Text(_device(view), style="dim"), 5),
        (Text(printable(run.domain or ""), style="dim"), 6),
    )
    return joined(facts, width)


def _phase_of(view: RunView) -> str:
    names: tuple[str, ...] = PHASES
    if view.finished is not None:
        return "finished"
    phase = view.phase or "starting"
    return f"phase {names.index(phase) + 1}/6 {phase}" if phase in names else phase


def _status(view: RunView) -> str:
    """Where the phase does not say it."""
    return "" if view.run.status in {None, "active", "finished"} else str(view.run.status)


def _device(view: RunView) -> str:
    """Where it trains."""
    settings = view.run.config.get("engine")
    if not isinstance(settings, dict):
        return ""
    device, workers = settings.get("device"), settings.get("workers")
    named = printable(str(device)) if isinstance(device, str) else ""
    several = isinstance(workers, int) and workers > 1 and not view.is_single
    return f"{named}, {workers} workers" if named and several else named


def _budget(view: RunView, moment: Moment, width: int) -> Text:
    if view.ledger is None:
        return Text("budget unknown")
    share = view.spent / view.ledger.budget
    facts = [
        (Text(f"{view.spent:,}/{view.ledger.budget:,} steps {share:.0%}"), 0),
        (Text(f"elapsed {duration(moment.elapsed)}"), 3),
        (Text(_left(view, moment)), 1),
        (Text(_cost(moment, width)), 2),
        (Text(_controls(view)), 4),
    ]
    tail = joined(facts, width - len("budget  ") - 3)
    room = width - len("budget  ") - tail.cell_len
    line = Text("budget ").append(bar(share, max(3, min(LONGEST_BAR, room))))
    return line.append(" ").append_text(tail)


def _left(view: RunView, moment: Moment) -> str:
    """The estimate is for the budget; a test, a report and baselines come after it."""
    if view.finished is not None:
        return ""
    if view.ledger is not None and view.spent >= view.ledger.budget:
        return "finishing"
    return f"ETA {duration(moment.eta)}"


def _cost(moment: Moment, width: int) -> str:
    """Nothing where no machine was rented."""
    if moment.cost is None:
        return ""
    most = f" of at most {moment.cost.most}" if width >= NAMED_COST else ""
    return f"{moment.cost.so_far}{most}"


def _controls(view: RunView) -> str:
    lines = view.ledger.control if view.ledger else ()
    allotted = sum(line.allotted for line in lines)
    settled = sum(line.settled for line in lines)
    return f"baselines {settled:,}/{allotted:,}" if allotted else ""


def _now(view: RunView, moment: Moment, width: int) -> Text:
    """Work under way, or why none is, or what is wrong with the view; and what the keys do."""
    hint = _hint(moment)
    if moment.standing:
        line = Text(printable(moment.standing), style="bold yellow")
    elif moment.note:
        line = Text(f"the store cannot be read: {printable(moment.note)}", style="yellow")
    elif moment.progress is not None:
        line = progress_line(moment.progress, moment.progress_left, width)
    else:
        line = Text(_data(view), style="dim")
    room = width - line.cell_len - hint.cell_len
    if room < 2:
        return line
    return fitted(line, width - hint.cell_len).append_text(hint)


def _data(view: RunView) -> str:
    """The text and how it is read."""
    data, model = view.run.config.get("data"), view.run.config.get("model")
    parts = []
    if isinstance(data, dict):
        parts += [_base(data.get("paths")), f"{data.get('tokenizer')} {data.get('vocab_size')}"]
    if isinstance(model, dict) and not view.is_single:
        parts.append(f"model {model.get('size')}")
    return printable("  ".join(part for part in parts if part))


def _base(paths: JsonValue) -> str:
    """The first file's name, and how many more there are."""
    if not isinstance(paths, list) or not paths:
        return ""
    first = str(paths[0]).rstrip("/").rpartition("/")[2]
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"


def _hint(moment: Moment) -> Text:
    return Text(moment.hint, style="dim")
