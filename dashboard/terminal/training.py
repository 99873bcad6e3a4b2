"""What the live view shows of a model that trains alone, in place of a population. Pure."""

from collections.abc import Sequence
from statistics import mean

from pydantic import JsonValue
from rich.text import Text

from dashboard.terminal.figures import compact, printable, sparkline
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
    "cusum_alerts": "alarms",
    "adaptive_batch_size": "batch",
}


def model_line(view: RunView) -> Text:
    """The activation and the shape."""
    line = Text(printable(view.run.ffn_activation or ""), style="cyan")
    for table, name, form in SHAPE:
        value = _setting(view, table, name)
        line.append("" if value is None else f"  {printable(form.format(value))}", style="default")
    if _setting(view, "train", "symbio"):
        line.append("  symbio", style="bold magenta")
    return line


def training(view: RunView, width: int, *, ascii_only: bool) -> list[Text]:
    """Where the model stands: losses, speed, rate, and what the instruments read."""
    if not view.steps:
        return [Text("no chunk is complete yet", style="dim")]
    last, curve_width = view.steps[-1], max(8, width - 40)
    lines = [
        _line("step", f"{last.step:,}"),
        _line("loss", _of(last.loss, "{:.4f} nats "), view.losses, curve_width, ascii_only),
        _line("search", _bits(view), view.search_bits, curve_width, ascii_only),
        _line("speed", _speed(view.steps)),
        _line("rate", f"{last.learning_rate:.3g}"),
        _line("gradient", _gradient(last)),
    ]
    readings = _readings(view.steps)
    return [*lines, _line("symbio", readings)] if readings else lines


def _line(
    name: str,
    text: str,
    curve: Sequence[float] = (),
    width: int = 0,
    ascii_only: bool = False,
) -> Text:
    line = Text(f"{name:10} ", style="magenta").append(text, style="default")
    if len(curve) > 1:
        bars = sparkline(thinned(curve, width), width, ascii_only=ascii_only)
        line.append(f" {bars}", style="default")
    return line


def thinned(values: Sequence[float], count: int) -> list[float]:
    """At most `count` means of neighbours, so that the whole course fits."""
    group = max(1, -(-len(values) // max(1, count)))
    return [mean(values[start : start + group]) for start in range(0, len(values), group)]


def _of(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _bits(view: RunView) -> str:
    if not view.search_bits:
        return "not measured yet"
    return f"{view.search_bits[-1]:.4f} bpb, best {min(view.search_bits):.4f}"


def _speed(steps: Sequence[StepMetrics]) -> str:
    """Means over the newest chunk."""
    milliseconds = sum(step.ms_per_step for step in steps) / len(steps)
    tokens = sum(step.tokens_per_sec * step.ms_per_step for step in steps)
    per_second = tokens / max(1e-9, milliseconds * len(steps))
    return f"{compact(per_second)} tokens/s, {milliseconds:.1f} ms a step"


def _gradient(step: StepMetrics) -> str:
    clipped = "" if not step.clip_pct else f", {step.clip_pct:.0f} % clipped away"
    skipped = ", step skipped" if step.skipped else ""
    return f"norm {_of(step.grad_norm, '{:.3g}')}{clipped}{skipped}"


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
