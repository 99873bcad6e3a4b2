"""How many members a generation of a search phase has: the phase's fitted number, scaled.

A larger population costs steps and disk, not memory: a worker holds one member at a time.
"""

from collections.abc import Sequence
from math import ceil, floor

from orchestrator.config import PhaseConfig
from orchestrator.evolution.kuramoto import null_quantile
from orchestrator.evolution.noise import sigma
from orchestrator.phases import SearchFit, generation_cost
from orchestrator.run_state import PhaseState
from state.records import Adjustment, Finding

GENERATIONS = 3
"""Without a gain, after which a search in step is quiet."""

Rescaled = tuple[PhaseState, tuple[Adjustment, ...], str]


def rescale(
    phase: PhaseState,
    configured: PhaseConfig,
    findings: Sequence[Finding],
    synchrony: float | None,
    num_lineages: int,
    steps_left: int,
) -> Rescaled:
    """The phase after a generation, what changed, and why; no reason where nothing did.

    More challengers where the population has collapsed or the phase stands still, fewer where the
    lineages are in step and gain nothing. Collapse comes first, then being in step: lineages that
    no longer differ do not want more challengers because they stand still.

    Args:
        phase: with the histories of this generation; its cooldown of the size is counted down.
        configured: the phase's range, step and cooldown.
        findings: of this generation, those that are to be answered.
        synchrony: order parameter r of the lineages; None while it is not measured.
        num_lineages: those that live.
        steps_left: steps that the phase has left.
    """
    fit = phase.fit
    if phase.scale_cooldown_left:
        left = phase.scale_cooldown_left - 1
        return phase.model_copy(update={"scale_cooldown_left": left}), (), ""
    if fit is None or not fit.null_pairs or phase.closing:
        return phase, (), ""
    direction, reason = _wish(phase, findings, synchrony, num_lineages)
    now = phase.settings.population
    wanted = _one_step(direction, phase, configured, fit, num_lineages)
    population = _affordable(wanted, phase, fit, num_lineages, steps_left)
    if (population - now) * direction <= 0:
        return phase, (), ""
    change = Adjustment(setting="population", before=now, after=population)
    return _of_size(population, phase, configured, fit), (change,), reason


def _of_size(
    population: int, phase: PhaseState, configured: PhaseConfig, fit: SearchFit
) -> PhaseState:
    """The phase with another population, which then rests for its cooldown."""
    scale = {"population": population, "population_scale": population / fit.population}
    settings = phase.settings.model_copy(update=scale)
    return phase.model_copy(
        update={"settings": settings, "scale_cooldown_left": configured.cooldown}
    )


def _affordable(
    wanted: int, phase: PhaseState, fit: SearchFit, num_lineages: int, steps_left: int
) -> int:
    """The largest size up to `wanted` that the steps pay; never less than there is now."""
    population = wanted
    while population > phase.settings.population:
        if _cost(population, phase, fit, num_lineages) <= steps_left:
            break
        population -= 1
    return population


def _wish(
    phase: PhaseState, findings: Sequence[Finding], synchrony: float | None, num_lineages: int
) -> tuple[int, str]:
    """(1, 0 or -1, why): grow, stay or shrink."""
    collapse = next((one for one in findings if one.detector == "collapse"), None)
    if collapse is not None:
        return 1, collapse.reason
    limit = null_quantile(num_lineages)
    if synchrony is not None and synchrony > limit and _is_quiet(phase):
        return -1, (
            f"the lineages are in step (r {synchrony:.2f} over {limit:.2f}) and "
            f"{GENERATIONS} generations gained nothing beyond the noise"
        )
    plateau = next((one for one in findings if one.detector == "stagnation"), None)
    return (0, "") if plateau is None else (1, plateau.reason)


def _one_step(
    direction: int, phase: PhaseState, configured: PhaseConfig, fit: SearchFit, num_lineages: int
) -> int:
    """Members after one scale step, within the phase's range and with a challenger at least."""
    step = direction * max(1, floor(configured.scale_step * fit.population + 0.5))
    low, high = (bound * fit.population for bound in configured.scale_range)
    return max(ceil(low), num_lineages + 1, min(floor(high), phase.settings.population + step))


def _is_quiet(phase: PhaseState) -> bool:
    noise, best = sigma(phase.null_differences), phase.best_history
    if noise is None or len(best) <= GENERATIONS:
        return False
    gained = best[-1 - GENERATIONS] - best[-1]
    return gained < noise and not any(phase.accepted_history[-GENERATIONS:])


def _cost(population: int, phase: PhaseState, fit: SearchFit, num_lineages: int) -> int:
    """Most steps that a generation of that size can take."""
    owed = max(0, fit.null_pairs - len(phase.replicate_differences))
    return generation_cost(
        population=population,
        steps=phase.settings.steps_per_candidate,
        pairs=min(owed, 2 * num_lineages),
        confirmations=min(num_lineages, population - num_lineages),
    )
