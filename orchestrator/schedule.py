"""The learning rate over a run, as multipliers of the peak.

One warm-up - stable - decay schedule for each lineage (its decay is Oxidation) and one for the
host (a short warm-up again, its decay ends with Homeostasis). The preset `original` has a fixed
rate in each phase instead. A model that trains alone has the schedule of its recipe.
"""

from typing import assert_never

from orchestrator.config import HostConfig, RunConfig
from state.records import PhaseName
from state.tasks import Decay, LearningRateSpan

COSINE_FLOOR = 0.1
"""Where the cosine of the classic recipe ends, as in nanoGPT."""

# Rates of the original system relative to its peak.
ORIGINAL_RATES: dict[PhaseName, tuple[float, float]] = {
    "abiogenesis": (1.0, 1.0),
    "primordial": (0.5, 0.5),
    "cambrian": (0.3, 0.3),
    "oxidation": (0.2, 0.2),
    "endosymbiosis": (0.1, 0.0),
    "homeostasis": (0.03, 0.03),
}


def lineage_span(
    config: RunConfig, phase: PhaseName, *, age_steps: int, progress: tuple[float, float]
) -> LearningRateSpan:
    """The span of a task of a lineage; `progress` is the share of the phase's budget that is
    spent before and after it.
    """
    first = last = 1.0
    if config.preset == "original":
        first, last = ORIGINAL_RATES[phase]
    elif phase == "oxidation":
        first, last = 1 - progress[0], 1 - progress[1]
    return LearningRateSpan(
        first=first, last=last, warmup_steps=warmup_steps(config), age_steps=age_steps
    )


def host_span(
    config: RunConfig,
    phase: PhaseName,
    *,
    age_steps: int,
    progress: tuple[float, float],
    decay_from: float,
) -> LearningRateSpan:
    """The span of a chunk of a host; `progress` runs from 0 to 1 over all of the host's steps.

    A host that was built anew (a control arm) warms up by its age as a lineage does.
    """
    if config.preset == "original" and phase != "control":
        high, low = ORIGINAL_RATES[phase]
        return LearningRateSpan(
            first=high + (low - high) * progress[0], last=high + (low - high) * progress[1]
        )
    rewarm = 0.0 if phase == "control" else config.host.rewarm
    first, last = (
        host_multiplier(config.host, where, decay_from, rewarm=rewarm) for where in progress
    )
    return LearningRateSpan(
        first=first, last=last, warmup_steps=warmup_steps(config), age_steps=age_steps
    )


def single_span(config: RunConfig, *, age_steps: int, total_steps: int) -> LearningRateSpan:
    """The span of a chunk of a model that trains alone until its age is `total_steps`.

    `modern`: stable, then linearly to zero. `classic`: a cosine from the end of the warm-up to a
    tenth. Both are exact in every step, however the training is cut into chunks.
    """
    warmup, last = warmup_steps(config), 0.0
    match config.model.recipe:
        case "modern":
            start = round(config.host.decay_from * total_steps)
            decay = Decay(curve="linear", start=start, end=total_steps)
        case "classic":
            start, last = min(warmup, total_steps), COSINE_FLOOR
            decay = Decay(curve="cosine", start=start, end=total_steps)
        case _:
            assert_never(config.model.recipe)
    return LearningRateSpan(
        first=1.0, last=last, decay=decay, warmup_steps=warmup, age_steps=age_steps
    )


def host_multiplier(
    host: HostConfig, progress: float, decay_from: float, *, rewarm: float
) -> float:
    """Up from a tenth over `rewarm`, stable, then linearly down to zero from `decay_from` on."""
    rising = 1.0 if progress >= rewarm else 0.1 + 0.9 * progress / rewarm
    start = max(decay_from, host.rewarm)
    falling = 1.0 if progress <= start else max(0.0, (1 - progress) / (1 - start))
    return min(rising, falling)


def warmup_steps(config: RunConfig) -> int:
    """Warm-up of a new model: as configured, else min(500, 5 % of the host's steps).

    The host's steps are those of the winning lineage in a run that keeps its plan: a lineage's
    part of the search phases and all of the last two, half of the budget. A model that trains
    alone has all of it.
    """
    if config.optimizer.warmup is not None:
        return config.optimizer.warmup
    return min(500, config.budget // (20 if config.mode == "train" else 40))
