"""The plan as text of at most 80 columns, plain in every terminal and pipe."""

from collections.abc import Iterator, Mapping
from textwrap import wrap

from orchestrator.passes import MANY_PASSES, MANY_STEPS
from orchestrator.phases import YIELDING
from orchestrator.planning.plan import Plan, Price, Time
from orchestrator.planning.rates import Rates
from orchestrator.planning.wall import Seconds
from orchestrator.report.quantities import count
from state.records import PhaseName

WIDTH = 80
PURPOSES: Mapping[PhaseName, str] = {
    "abiogenesis": "reference, noise",
    "primordial": "explore",
    "cambrian": "diversify, refine",
    "oxidation": "converge, anneal",
    "endosymbiosis": "merge into one host",
    "homeostasis": "refine",
    "training": "one model",
}
UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def as_text(plan: Plan) -> str:
    """Notes, the table of phases, then what the run takes."""
    sections = (_notes(plan), _table(plan), _takes(plan), _more(plan))
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section)))


def _notes(plan: Plan) -> Iterator[str]:
    for note in plan.notes:
        yield from wrap(note, WIDTH)
    places = f"{plan.slots} members at once" if plan.slots > 1 else "one member at a time"
    host = f"a single model on {plan.host_threads} thread{'s' if plan.host_threads > 1 else ''}"
    yield f"{plan.engine} on {plan.device}: " + (
        host if plan.mode == "train" else f"{places}, {host}"
    )


def _table(plan: Plan) -> Iterator[str]:
    took_of = {part.name: part.total for part in plan.time.parts} if plan.time else {}
    shifts = any(one.likely_steps != one.steps for one in plan.phases)
    rows = [("phase", "steps", "likely", "members", "each", "time" if plan.time else "", "for")]
    for one in plan.phases:
        cells = (f"{one.steps:,}", f"{one.likely_steps:,}", _or_dash(one.population))
        each, took = _or_dash(one.steps_per_candidate), _about(took_of.get(one.phase))
        rows.append((one.phase, *cells, each, took, PURPOSES[one.phase]))
    for name in plan.control:
        took, steps = _about(took_of.get(f"control {name}")), f"{plan.budget:,}"
        rows.append(("control", steps, steps, "-", "-", took, name[:20]))
    if plan.time:
        edges = _about(took_of["start"] + took_of["closing"])
        rows.append(("start and end", "", "", "", "", edges, "load, test, report"))
    steps, took = f"{plan.budget * (1 + len(plan.control)):,}", ""
    if plan.time:
        took = _about(plan.time.run.likely)
    rows.append(("in all", steps, steps, "", "", took, ""))
    yield from (_row(row, shifts=shifts) for row in rows)


def _row(cells: tuple[str, ...], *, shifts: bool) -> str:
    """The column `likely` stands only where it says something else than `steps`."""
    name, steps, likely, members, each, took, purpose = cells
    likely = f"{likely:>8}" if shifts else ""
    return f"{name:14}{steps:>8}{likely}{members:>9}{each:>6}{took:>12}  {purpose}".rstrip()


def _or_dash(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _takes(plan: Plan) -> Iterator[str]:
    tokens = plan.tokens
    about = "about " if tokens.is_estimate else ""
    yield _line(
        "text",
        f"{about}{tokens.train:,} train, {tokens.search:,} search, {tokens.test:,} test tokens",
    )
    yield _line(
        "tokens",
        f"{count(tokens.everything)}, {tokens.a_step:,} a step; "
        f"{tokens.passes:.1f} passes over the text for one model",
    )
    yield from _memory(plan)
    if plan.time:
        yield _line("time", _range(plan.time))
    if plan.price:
        yield _line("price", _money(plan.price))


def _memory(plan: Plan) -> Iterator[str]:
    memory, disk = plan.memory, plan.disk
    model = memory.model
    text = f"{model.parameters:,} parameters: weights {size(model.weights)}, gradients as much"
    if model.optimizer is not None and model.activations is not None:
        text += f", optimizer {size(model.optimizer)}, activations {size(model.activations)}"
    yield _line("model", text)
    if memory.worker is not None and memory.everything is not None:
        workers = f"{memory.workers} x {size(memory.worker)}" if memory.workers > 1 else ""
        text = f"about {size(memory.everything)}"
        yield _line("memory", f"{text}, workers {workers}" if workers else text)
    if memory.accelerator is not None:
        yield _line("accelerator", f"{size(memory.accelerator)} a worker")
    if disk.everything is not None and disk.checkpoint is not None:
        yield _line(
            "disk",
            f"up to {size(disk.everything)}: checkpoints of {size(disk.checkpoint)} each, "
            f"text {size(disk.text)}, records {size(disk.records)}",
        )


def _line(name: str, text: str) -> str:
    first, *others = wrap(text, WIDTH - 14, break_long_words=True)
    return "\n".join([f"{name:14}{first}", *(f"{'':14}{other}" for other in others)])


def _range(time: Time) -> str:
    text = f"about {_span(time.run)}"
    if time.control:
        text += f", {_about(time.control.likely)} of it for the baselines"
    return text


def _span(value: Seconds) -> str:
    return f"{_about(value.likely)} ({_about(value.low)} to {_about(value.high)})"


def _about(value: float | None) -> str:
    """Two digits or so: more would claim what nobody knows."""
    if value is None:
        return ""
    if value < 60:
        return f"{value:.0f} s"
    if value < 600:
        minutes, rest = divmod(10 * round(value / 10), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    if value < 2 * 3600:
        return f"{value / 60:.0f} min"
    if value < 48 * 3600:
        hours, rest = divmod(10 * round(value / 600), 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{value / 86400:.1f} days"


def _money(price: Price) -> str:
    run = price.run
    text = f"{run.likely:.2f} ({run.low:.2f} to {run.high:.2f}) at {price.per_hour:g} an hour"
    return f"{text}, {price.control.likely:.2f} of it for the baselines" if price.control else text


def _more(plan: Plan) -> Iterator[str]:
    for one in plan.phases:
        if one.note:
            yield from wrap(one.note, WIDTH)
    if plan.lean:
        yield from wrap(_shift(plan), WIDTH)
    if plan.mode == "phases" and not plan.control:
        extra = f", {_span(plan.time.one_control)}" if plan.time else ""
        yield from wrap(
            f"--control gelu adds a baseline of {plan.budget:,} steps{extra}: what GELU trained "
            "straight makes of the same budget",
            WIDTH,
        )
    if plan.rates:
        yield from _caveats(plan.rates, plan.batch)


def _shift(plan: Plan) -> str:
    freed = sum(max(0, one.steps - one.likely_steps) for one in plan.phases)
    goes = f"{freed:,} steps then go to the host" if freed else "they hold no step more"
    passes = f"{plan.tokens.passes:.1f} passes over the text are"
    few, short = plan.tokens.passes < MANY_PASSES, plan.budget < MANY_STEPS
    if not (few or short):
        return (
            f"{passes} not under {MANY_PASSES:g}: where primordial ends, cambrian and oxidation go "
            "on with the fewest challengers, or none if all before were tried in vain"
        )
    why = f"{passes} under {MANY_PASSES:g}" if few else f"{plan.budget:,} steps are few"
    yielding = [one for one in plan.phases if one.phase in YIELDING]
    kept = f"{sum(one.likely_steps for one in yielding):,} steps"
    if any(one.null_pairs for one in yielding):
        kept += ", or fewer if all challengers before were tried in vain"
    return f"{why}: where primordial ends, cambrian and oxidation will likely keep {kept}; {goes}"


def _caveats(rates: Rates, batch: int) -> Iterator[str]:
    if rates.windows < batch:
        yield f"measured on {rates.windows} of the {batch} windows of a batch"
    if rates.busy >= 1:
        yield f"the machine is busy (load {rates.busy:.1f}); on a quiet one it takes less time"


def size(num_bytes: float) -> str:
    """`512 MB` with two or three digits."""
    for scale, unit in UNITS:
        if num_bytes >= scale:
            return f"{num_bytes / scale:.3g} {unit}"
    return f"{num_bytes:.0f} B"
