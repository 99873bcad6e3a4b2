"""What the live view shows of a model that trains alone, in place of a population. Pure."""

from collections.abc import Sequence

from pydantic import JsonValue
from rich.text import Text

from dashboard.terminal.figures import compact, number, printable
from dashboard.terminal.layout import Room, Section, Want
from dashboard.terminal.snapshot import RunView
from state.records import Readings, StepMetrics

SHAPE = (
    ("model", "recipe", "{}"),
    ("model", "layers", "{} layers"),
    ("model", "dim", "{} wide"),
    ("model", "block", "block {}"),
    ("optimizer", "batch", "batch {}"),
)
READINGS = {
    "weight_entropy": "entropy",
    "effective_rank": "rank",
    "free_energy": "free energy",
    "mi_input_output": "information",
    "adaptive_batch_size": "batch",
}


def model_line(view: RunView) -> Text:
    """The activation and the shape."""
    line = Text(printable(view.run.ffn_activation or ""), style="cyan")
    for table, name, form in SHAPE:
        value = _setting(view, table, name)
        shown = "" if value is None else f"  {printable(form.format(value))}"
        line.append(shown, style="default")
    if _setting(view, "train", "symbio"):
        line.append("  symbio", style="bold magenta")
    return line


def training(view: RunView, _room: Room) -> Section:
    """Where the model stands: speed, rate, gradient, and what the instruments read."""
    title = Text("training", style="bold")
    lines = _lines(view)
    need = 1 + len(lines)
    return Section(title, Want(min(4, need), need, need), lambda rows: lines[:rows])


def _lines(view: RunView) -> list[Text]:
    if not view.steps:
        return [Text("no chunk is complete yet", style="dim")]
    last = view.steps[-1]
    lines = [
        _line("step", f"{last.step:,}  loss {number(last.loss, '{:.4f}')} nats"),
        _line("search", _bits(view)),
        _line("speed", _speed(view.steps)),
        _line("rate", f"{last.learning_rate:.3g}  gradient {_gradient(last)}"),
    ]
    readings = _readings(view.steps)
    return [*lines, _line("symbio", readings)] if readings else lines


def _line(name: str, text: str) -> Text:
    return Text(f"{name:10} ", style="magenta").append(text, style="default")


def _bits(view: RunView) -> str:
    measured = [one.bits_per_byte for one in view.course if one.bits_per_byte is not None]
    if not measured:
        return "not measured yet"
    return f"{measured[-1]:.4f} bpb, best {min(measured):.4f}"


def _speed(steps: Sequence[StepMetrics]) -> str:
    """Means over the newest chunk."""
    milliseconds = sum(step.ms_per_step for step in steps) / len(steps)
    tokens = sum(step.tokens_per_sec * step.ms_per_step for step in steps)
    per_second = tokens / max(1e-9, milliseconds * len(steps))
    return f"{compact(per_second)} tokens/s, {milliseconds:.1f} ms a step"


def _gradient(step: StepMetrics) -> str:
    clipped = "" if not step.clip_pct else f", {step.clip_pct:.0f} % clipped away"
    skipped = ", step skipped" if step.skipped else ""
    return f"norm {number(step.grad_norm, '{:.3g}')}{clipped}{skipped}"


def _readings(steps: Sequence[StepMetrics]) -> str:
    """The newest reading of each instrument that has one."""
    found = {name: _newest(steps, name) for name in READINGS if name in Readings.model_fields}
    return "  ".join(
        f"{READINGS[name]} {value:.4g}" for name, value in found.items() if value is not None
    )


def _newest(steps: Sequence[StepMetrics], name: str) -> float | None:
    values = (getattr(step, name) for step in reversed(steps))
    return next((float(value) for value in values if value is not None), None)


def _setting(view: RunView, table: str, name: str) -> JsonValue:
    settings = view.run.config.get(table)
    return settings.get(name) if isinstance(settings, dict) else None
