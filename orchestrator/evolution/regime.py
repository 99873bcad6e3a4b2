"""Is a run short of steps or short of text? Asked once, where Primordial ends.

A budget that passes over the text a few times is best spent on one model, since every lineage
learns the same anew. One that passes over it often is best spent on several: alone each would
memorise, and their average, or a host that they teach, generalises better.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from statistics import fmean
from typing import NamedTuple

from orchestrator import ledger as books
from orchestrator.config import PhaseConfig, RunConfig
from orchestrator.phases import (
    YIELDING,
    fit_search,
    least_allotment,
    phases_of,
    smallest_population,
)
from orchestrator.run_state import LineageState, Regime
from state.records import Ledger, PhaseName

MANY_PASSES = 18.0
"""Passes of one model with the whole budget from which a taught host beats that model: +.0045 bits
per byte at 16.3, -.049 at 65.3, in between by the logarithm. See docs/design/regime.md.
"""
GAP_GROWTH = 0.1
"""Nats per token. On the study's texts the gap grew by less than .03 up to four passes, on a
quarter of the smaller one by .25 in seven.
"""
HOST_SHARE = 0.5
"""Of a budget that is short of text; at 24,000 steps a host of half of it was .005 bits per byte
better than one of a third. See docs/design/study.md, C.
"""
DECAY_SHARE = 0.2
"""Of a lineage's steps, what Oxidation keeps for its decay."""
HALF_LAG = 0.25
"""The training loss is that of the last half of a stretch, so it stands for a model this share of
a stretch younger than the one that the search split measures.
"""
MINIMUM_GAPS = 4
HOSTS: tuple[PhaseName, ...] = ("endosymbiosis", "homeostasis")


class Shift(NamedTuple):
    """What a phase of the lineages keeps, and what the others do with the rest."""

    ledger: Ledger
    moved: int
    """Steps that changed hands."""


def may_shift(config: RunConfig) -> bool:
    """Whether the shares depend on what the run finds."""
    return config.preset != "original" and config.evolution.shift_shares


def passes_of(config: RunConfig, steps: int) -> float | None:
    """How often `steps` pass over the train split; None where its size is not known."""
    tokens = config.data.train_tokens
    return None if tokens is None else steps * config.step_tokens / tokens


def regime_of(config: RunConfig, lineages: Sequence[LineageState]) -> Regime | None:
    """What the run is short of; None where the shares are to stay or the text is not known."""
    passes = passes_of(config, config.budget)
    if passes is None or not may_shift(config):
        return None
    growth = gap_growth(lineages)
    often = passes >= MANY_PASSES or (growth is not None and growth >= GAP_GROWTH)
    kind = "overfit_limited" if often else "compute_limited"
    return Regime(kind=kind, passes=passes, gap_growth=growth)


def gap_growth(lineages: Sequence[LineageState]) -> float | None:
    """Growth of search less training loss from the first to the second half of the phase, in nats
    per token, mean of the living lineages. What the texts differ by is in both halves.
    """
    grown = [_growth(gaps) for one in lineages if len(gaps := _gaps(one)) >= MINIMUM_GAPS]
    return fmean(grown) if grown else None


def _gaps(lineage: LineageState) -> list[float]:
    """Of each generation but the first, the search loss brought to the age of the training loss,
    less that loss.
    """
    measured = lineage.evaluation
    if not lineage.alive or measured is None or not measured.bits_per_byte:
        return []
    if len(lineage.train_history) != len(lineage.bits_history):
        return []
    nats = measured.nats_per_token / measured.bits_per_byte
    searched = [nats * bits for bits in lineage.bits_history]
    pairs = zip(searched[:-1], searched[1:], lineage.train_history[1:], strict=True)
    return [
        now + HALF_LAG * (before - now) - trained
        for before, now, trained in pairs
        if trained is not None
    ]


def _growth(gaps: Sequence[float]) -> float:
    half = len(gaps) // 2
    return fmean(gaps[half:]) - fmean(gaps[:half])


def shifted(
    config: RunConfig,
    ledger: Ledger,
    lineages: Sequence[LineageState],
    regime: Regime,
) -> Shift:
    """Short of steps: Cambrian and Oxidation with the least they need. Short of text: Cambrian
    gives what the host lacks of its half. The host's phases get it, each by its share.
    """
    ages = [one.age_steps for one in lineages if one.alive]
    needed = _passing_steps if regime.tried_in_vain else kept_steps
    kept = needed(config, ledger, ages)
    if regime.kind == "overfit_limited":
        kept = {"cambrian": _less_the_half(ledger, kept["cambrian"])}
    moved = sum(books.remaining(ledger, name) - steps for name, steps in kept.items())
    shares: dict[PhaseName, int] = {
        phase.name: phase.share for phase in phases_of(config) if phase.name in HOSTS
    }
    return Shift(books.reallot(ledger, kept, shares), moved)


def _passing_steps(
    config: RunConfig, ledger: Ledger, ages: Sequence[int]
) -> Mapping[PhaseName, int]:
    """Steps of phases that no longer search, where every one is worth more to the host: one short
    generation of the lineages.
    """
    short = len(ages) * config.evolution.min_steps_per_candidate
    return {name: min(books.remaining(ledger, name), short) for name in YIELDING}


def _less_the_half(ledger: Ledger, least: int) -> int:
    """Steps of Cambrian, `least` at least, when the host has its half of the budget."""
    host = sum(books.line(ledger, name).allotted for name in HOSTS)
    left = books.remaining(ledger, "cambrian")
    lacking = max(0, ceil(HOST_SHARE * ledger.budget) - host)
    return max(min(left, least), left - lacking)


def kept_steps(config: RunConfig, ledger: Ledger, ages: Sequence[int]) -> Mapping[PhaseName, int]:
    """Steps that Cambrian and Oxidation keep: replicate pairs and `min_generations` generations of
    the smallest population, and in Oxidation a decay over a fifth of the lineages' mean age.
    """
    cambrian, oxidation = (phase for phase in phases_of(config) if phase.name in YIELDING)
    population = smallest_population(config.evolution, len(ages))
    explored = _kept(config, cambrian, ledger, len(ages), own_steps=0)
    age = fmean(ages) + explored / population
    decay = ceil(age * DECAY_SHARE / (1 - DECAY_SHARE))
    annealed = _kept(config, oxidation, ledger, len(ages), own_steps=decay)
    return {"cambrian": explored, "oxidation": annealed}


def _kept(
    config: RunConfig, phase: PhaseConfig, ledger: Ledger, num_lineages: int, *, own_steps: int
) -> int:
    """Fewest steps in which each lineage trains `own_steps`, by candidates as long as now; all of
    them where the phase holds no challengers.
    """
    evolution, left = config.evolution, books.remaining(ledger, phase.name)
    fit = fit_search(phase, evolution, left, num_lineages)
    if fit.null_pairs == 0:
        return left
    steps = fit.steps_per_candidate
    generations = max(evolution.min_generations, ceil(own_steps / steps))
    return min(left, least_allotment(evolution, steps, num_lineages, generations=generations))
