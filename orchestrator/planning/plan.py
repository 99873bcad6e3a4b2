"""The whole plan as one record, for the page and for programs."""

from collections.abc import Sequence

from orchestrator.config import RunConfig
from orchestrator.planning.outline import PlannedPhase, likely_allotment, planned_phases
from orchestrator.planning.rates import Rates
from orchestrator.planning.storage import Disk, Memory, disk_of, memory_of
from orchestrator.planning.wall import (
    PhaseSeconds,
    Seconds,
    TextSize,
    edges,
    phase_seconds,
    total,
)
from orchestrator.planning.workload import (
    Workload,
    closing_workload,
    control_workload,
    workloads,
)
from state.base import Record


class Tokens(Record):
    """What is read of the text."""

    train: int
    search: int
    test: int
    is_estimate: bool
    """From a part of a long text."""
    a_step: int
    everything: int
    """Trained on, in all steps of the budget."""
    passes: float
    """Of the budget's steps over the train split, were they one model's."""


class Price(Record):
    """What the machine's hours cost."""

    per_hour: float
    run: Seconds
    """In the currency of `per_hour`."""
    control: Seconds | None


class Time(Record):
    """How long it takes here."""

    run: Seconds
    control: Seconds | None
    """Of the baselines, which come after the run's own phases."""
    one_control: Seconds
    """What `--control gelu` takes, whether it is asked for or not."""
    parts: tuple[PhaseSeconds, ...]


class Plan(Record):
    """Everything."""

    mode: str
    notes: tuple[str, ...]
    engine: str
    slots: int
    """Members of one thread that train at the same time."""
    host_threads: int
    device: str
    batch: int
    """Windows of a step."""
    budget: int
    phases: tuple[PlannedPhase, ...]
    lean: bool
    """The budget is likely to shift to the host where Primordial ends."""
    control: tuple[str, ...]
    tokens: Tokens
    memory: Memory
    disk: Disk
    rates: Rates | None
    time: Time | None
    price: Price | None


def slots_of(config: RunConfig) -> int:
    """Tasks of one thread that run side by side; the engine inline has one place."""
    return config.engine.workers or 1 if config.engine.engine == "ray" else 1


def plan_of(
    config: RunConfig,
    size: TextSize,
    rates: Rates | None,
    *,
    num_bytes: int,
    is_estimate: bool,
    cores: int,
    price_per_hour: float | None,
    notes: Sequence[str],
) -> Plan:
    """The plan of a resolved configuration."""
    phases, slots = planned_phases(config), slots_of(config)
    work = [*workloads(config, phases, slots), closing_workload(config)]
    controls = [control_workload(config, name) for name in config.control]
    time = time_of(config, size, rates, work, controls, cores) if rates else None
    return Plan(
        mode=config.mode,
        notes=tuple(notes),
        engine=config.engine.engine,
        slots=slots,
        host_threads=config.engine.host_threads or 1,
        device=config.engine.device,
        batch=config.optimizer.batch,
        budget=config.budget,
        phases=tuple(phases),
        lean=config.mode == "phases" and likely_allotment(config).lean,
        control=config.control,
        tokens=tokens_of(config, size, is_estimate=is_estimate),
        memory=memory_of(config, config.first_formula, rates, slots),
        disk=disk_of(config, [*work, *controls], rates, num_bytes),
        rates=rates,
        time=time,
        price=_price(time, price_per_hour),
    )


def tokens_of(config: RunConfig, size: TextSize, *, is_estimate: bool) -> Tokens:
    """Of the run's own steps; baselines read as much again."""
    a_step = config.step_tokens
    return Tokens(
        train=size.train_tokens,
        search=size.search_tokens,
        test=size.test_tokens,
        is_estimate=is_estimate,
        a_step=a_step,
        everything=config.budget * a_step,
        passes=config.budget * a_step / size.train_tokens,
    )


def time_of(
    config: RunConfig,
    size: TextSize,
    rates: Rates,
    work: Sequence[Workload],
    controls: Sequence[Workload],
    cores: int,
) -> Time:
    """Seconds of every part, in order, with the baselines where they would come."""
    ray = config.engine.engine == "ray"
    start, closing = edges(rates, ray=ray)
    parts = [start, *(phase_seconds(one, rates, size) for one in work)]
    parts[-1] = parts[-1].model_copy(update={"other": parts[-1].other + closing})
    extra = [phase_seconds(one, rates, size) for one in controls]
    single = phase_seconds(control_workload(config, "gelu"), rates, size)
    return Time(
        run=total([*parts, *extra], rates, cores),
        control=total(extra, rates, cores) if extra else None,
        one_control=total([single], rates, cores),
        parts=(*parts[:-1], *extra, parts[-1]),
    )


def _price(time: Time | None, per_hour: float | None) -> Price | None:
    if time is None or per_hour is None:
        return None
    return Price(
        per_hour=per_hour,
        run=_paid(time.run, per_hour),
        control=_paid(time.control, per_hour) if time.control else None,
    )


def _paid(seconds: Seconds, per_hour: float) -> Seconds:
    factor = per_hour / 3600
    return Seconds(
        likely=seconds.likely * factor, low=seconds.low * factor, high=seconds.high * factor
    )
