"""The lineages as coupled oscillators: who improves in step with whom."""

from orchestrator.config import RunConfig
from orchestrator.evolution.kuramoto import (
    advance,
    initial_state,
    is_locked,
    kick,
    null_quantile,
    order_parameter,
)
from orchestrator.run_state import LineageState, RunState
from orchestrator.stages.conclusion import phase_of
from state.records import Synchrony
from state.seeds import generator

# Below this many bits per byte a rate in sigmas says more about the noise estimate than the rate.
SMALLEST_SIGMA = 1e-3


def improvement_rates(
    before: tuple[LineageState, ...], after: tuple[LineageState, ...], sigma: float
) -> list[float] | None:
    """Bits per byte gained by each living lineage in one generation, in sigmas of the noise.

    None until every lineage has been measured twice.
    """
    rates = []
    for old, new in zip(before, after, strict=True):
        if not new.alive:
            continue
        if old.evaluation is None or new.evaluation is None:
            return None
        rates.append((old.evaluation.bits_per_byte - new.evaluation.bits_per_byte) / sigma)
    return rates


def synchronise(
    before: RunState, after: RunState, config: RunConfig, sigma: float | None
) -> tuple[RunState, Synchrony | None]:
    """Advance the oscillators by one generation; a changed genome kicks its phase."""
    if sigma is None or not config.evolution.parts.synchrony:
        return after, None
    unit = max(sigma, SMALLEST_SIGMA)
    rates = improvement_rates(before.lineages, after.lineages, unit)
    if rates is None:
        return after, None
    oscillators = after.oscillators or initial_state(rates, generator(config.seed, "phases"))
    oscillators = advance(oscillators, rates, phase_of(after).settings.coupling)
    living = [lineage for lineage in after.lineages if lineage.alive]
    for position, lineage in enumerate(living):
        if lineage.genome != before.lineages[lineage.index].genome:
            oscillators = kick(oscillators, position)
    r, psi = order_parameter(oscillators.phases)
    record = Synchrony(
        generation=before.generation,
        r=r,
        psi=psi,
        phases=oscillators.phases,
        null_quantile=null_quantile(len(oscillators.phases)),
        locked=is_locked(oscillators),
    )
    return after.model_copy(update={"oscillators": oscillators}), record
