"""Is a run short of steps or short of text? Asked once, where Primordial ends.

A budget that passes over the text a few times is best spent on one model, since every lineage
learns the same anew. One that passes over it often is best spent on several: alone each would
memorise, and their average, or a host that they teach, generalises better. Not where the budget is
so small that lineages stay too young to teach.
"""

from collections.abc import Sequence
from math import ceil
from statistics import fmean
from typing import NamedTuple

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.passes import deciding_passes, is_short_of_steps
from orchestrator.phases import YIELDING, fit_search, least_allotment, phase_named
from orchestrator.run_state import LineageState, Regime
from state.records import Ledger, PhaseName

GAP_GROWTH = 0.1
"""Nats per token. On the study's texts the gap grew by less than .03 up to four passes, on a
quarter of the smaller one by .25 in seven.
"""
HOST_SHARE = 0.5
"""Of a budget that is short of text; at 24,000 steps a host of half of it was .005 bits per byte
better than one of a third. See docs/design/study.md, C.
"""
SEARCH_SHARE = 0.025
"""Of a budget that is short of steps, the most that a phase may take to go on searching."""
HALF_LAG = 0.25
"""The training loss is that of the last half of a stretch, so it stands for a model this share of
a stretch younger than the one that the search split measures.
"""
MINIMUM_GAPS = 4
HOSTS: tuple[PhaseName, ...] = ("endosymbiosis", "homeostasis")


class Shift(NamedTuple):
    """What the phases of the lineages keep, and what the host's do with the rest."""

    ledger: Ledger
    moved: int
    """Steps that changed hands."""
    searching: tuple[PhaseName, ...]
    """Phases that keep what a search needs."""


def regime_of(config: RunConfig, lineages: Sequence[LineageState]) -> Regime | None:
    """What the run is short of; None where the shares are to stay or the text is not known."""
    passes = deciding_passes(config)
    if passes is None:
        return None
    growth = gap_growth(lineages)
    short_of_steps = is_short_of_steps(config, gap_grew=(growth or 0.0) >= GAP_GROWTH)
    kind = "compute_limited" if short_of_steps else "overfit_limited"
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


def shifted(config: RunConfig, ledger: Ledger, num_lineages: int, regime: Regime) -> Shift:
    """Short of steps: Cambrian and Oxidation keep one short generation each, or a search that costs
    the budget little. Short of text: Cambrian gives what the host lacks of its half. The host's
    phases get it, each by its share.
    """
    least = {name: least_steps(config, ledger, num_lineages, name) for name in YIELDING}
    searching = tuple(name for name in YIELDING if searches_on(ledger, least[name], regime))
    kept: dict[PhaseName, int] = {
        name: least[name] if name in searching else _short_steps(config, ledger, num_lineages, name)
        for name in YIELDING
    }
    if regime.kind == "overfit_limited":
        kept = {"cambrian": _less_the_half(ledger, kept["cambrian"])}
    moved = sum(books.remaining(ledger, name) - steps for name, steps in kept.items())
    shares = {name: phase_named(config, name).share for name in HOSTS}
    return Shift(books.reallot(ledger, kept, shares), moved, searching)


def searches_on(ledger: Ledger, least: int, regime: Regime) -> bool:
    """Whether a phase that needs `least` steps for it goes on searching: not after a search in
    vain, and not for much of a budget of which every step is worth more to the host.
    """
    if regime.tried_in_vain:
        return False
    return regime.kind == "overfit_limited" or not is_dear(least, ledger.budget)


def is_dear(steps: int, budget: int) -> bool:
    """Whether a search of so many steps is too much of a budget that is short of them."""
    return steps > SEARCH_SHARE * budget


def least_steps(config: RunConfig, ledger: Ledger, num_lineages: int, name: PhaseName) -> int:
    """Fewest steps of a search with candidates as long as now: its replicate pairs and
    `min_generations` generations of the smallest population. All where the phase holds none.
    """
    evolution, left = config.evolution, books.remaining(ledger, name)
    fit = fit_search(phase_named(config, name), evolution, left, num_lineages)
    if fit.null_pairs == 0:
        return left
    generations = evolution.min_generations
    return least_allotment(
        evolution, fit.steps_per_candidate, num_lineages, generations=generations
    )


def _short_steps(config: RunConfig, ledger: Ledger, num_lineages: int, name: PhaseName) -> int:
    """One short generation of the lineages."""
    short = num_lineages * config.evolution.min_steps_per_candidate
    return min(books.remaining(ledger, name), short)


def _less_the_half(ledger: Ledger, least: int) -> int:
    """Steps of Cambrian, `least` at least, when the host has its half of the budget."""
    host = sum(books.line(ledger, name).allotted for name in HOSTS)
    left = books.remaining(ledger, "cambrian")
    lacking = max(0, ceil(HOST_SHARE * ledger.budget) - host)
    return max(min(left, least), left - lacking)
