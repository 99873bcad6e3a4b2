"""The six phases as data, and how a phase is fitted into the steps it was given."""

from collections.abc import Iterator
from typing import Literal, assert_never

from orchestrator.config import PhaseConfig, RunConfig
from orchestrator.evolution_config import EvolutionConfig
from state.base import Record
from state.records import PhaseName

SIX_PHASES = (
    PhaseConfig(name="abiogenesis", kind="reference", share=4),
    PhaseConfig(
        name="primordial",
        kind="search",
        share=16,
        population=6,
        steps_per_candidate=20,
        mutation_rate=0.8,
        mutation_range=(0.4, 0.95),
        max_depth=3,
        max_nodes=6,
        coupling=0.6,
        diversity_bonus=0.20,
        cooldown=8,
        scale_range=(0.5, 2.0),
        scale_step=0.15,
        fusion=(0.001, 0.005),
        fusion_rate=0.01,
    ),
    PhaseConfig(
        name="cambrian",
        kind="search",
        share=24,
        population=12,
        steps_per_candidate=35,
        mutation_rate=0.5,
        mutation_range=(0.2, 0.8),
        max_depth=5,
        max_nodes=12,
        coupling=1.2,
        diversity_bonus=0.15,
        cooldown=10,
        scale_range=(0.5, 2.5),
        scale_step=0.125,
        fusion=(0.003, 0.012),
        fusion_rate=0.02,
    ),
    PhaseConfig(
        name="oxidation",
        kind="search",
        share=16,
        population=8,
        steps_per_candidate=50,
        mutation_rate=0.3,
        mutation_range=(0.1, 0.6),
        max_depth=5,
        max_nodes=12,
        coupling=2.5,
        diversity_bonus=0.05,
        cooldown=15,
        scale_range=(0.5, 1.5),
        scale_step=0.1,
        fusion=(0.01, 0.03),
        fusion_rate=0.03,
    ),
    PhaseConfig(name="endosymbiosis", kind="host", share=30),
    PhaseConfig(name="homeostasis", kind="host", share=10),
)
RUNS_A_PAIR = 2
"""A champion and one of its challengers on a second batch order."""
TRAINING = PhaseConfig(name="training", kind="single", share=100)
"""The one phase of `symbio-auto train`."""


YIELDING: tuple[PhaseName, ...] = ("cambrian", "oxidation")
"""Phases that search less once it is known what the run is short of, and give steps to the host."""
Effort = Literal["full", "lean", "none"]
"""Challengers as configured, the fewest, or none."""


class SearchFit(Record):
    """A search phase cut to its budget."""

    population: int
    """Champions and challengers; 0 challengers means that the lineages only train."""
    steps_per_candidate: int
    null_pairs: int
    note: str = ""
    """What had to shrink and why; empty when the phase holds as configured."""


def phases_of(config: RunConfig) -> tuple[PhaseConfig, ...]:
    """The phases of a run: its own, else the six; one where a single model trains straight."""
    match config.mode:
        case "phases":
            return config.phases or SIX_PHASES
        case "train":
            return (TRAINING,)
        case _:
            assert_never(config.mode)


def phase_named(config: RunConfig, name: PhaseName) -> PhaseConfig:
    """One of the six of a run."""
    return next(phase for phase in phases_of(config) if phase.name == name)


def shares_of(config: RunConfig) -> dict[PhaseName, int]:
    """Budget share of each phase in percent."""
    return {phase.name: phase.share for phase in phases_of(config)}


def generation_cost(*, population: int, steps: int, pairs: int, confirmations: int) -> int:
    """Most member-steps a generation can take: its members, its replicate pairs and, for each
    lineage with challengers, the second run of champion and candidate.
    """
    return steps * (population + RUNS_A_PAIR * pairs + 2 * confirmations)


def fit_search(
    phase: PhaseConfig,
    evolution: EvolutionConfig,
    allotted: int,
    lineages: int,
    *,
    effort: Effort = "full",
) -> SearchFit:
    """Fit the phase into `allotted` steps: first fewer members, then shorter candidates, then
    lineages that train without challengers.

    A phase fits when its replicate pairs and `min_generations` generations fit, of which the last
    may need its confirmations.
    """
    for population, steps in _sizes(phase, evolution, lineages, effort):
        pairs = _null_pairs(evolution, allotted, steps)
        cost = _phase_cost(evolution.min_generations, population, steps, pairs, lineages)
        if cost <= allotted:
            note = _note(phase, population, steps, allotted)
            return SearchFit(
                population=population, steps_per_candidate=steps, null_pairs=pairs, note=note
            )
    return SearchFit(
        population=lineages,
        steps_per_candidate=max(1, min(phase.steps_per_candidate, allotted // lineages)),
        null_pairs=0,
        note=f"{_why_none(evolution, allotted, effort)}: {phase.name} trains the lineages without "
        "challengers",
    )


def _why_none(evolution: EvolutionConfig, allotted: int, effort: Effort) -> str:
    if evolution.parts.search == "none":
        return "evolution.parts.search is none"
    if effort == "none":
        return "enough challengers were tried and none was accepted"
    return (
        f"{allotted} steps cannot hold {evolution.min_generations} generations of "
        f"{evolution.min_population} members"
    )


def challengers_in_vain(config: RunConfig) -> int:
    """So many, none of them accepted, end the search: `idle_after`, or as many of Primordial's as
    `idle_share` of the budget pays for; 0 where nothing ends it.
    """
    evolution = config.evolution
    if not evolution.idle_after:
        return 0
    each = phase_named(config, "primordial").steps_per_candidate
    paid = int(evolution.idle_share * config.budget) // each
    return max(evolution.idle_after, paid)


def least_allotment(
    evolution: EvolutionConfig, steps: int, lineages: int, *, generations: int
) -> int:
    """Fewest steps that hold a search phase of the smallest population: `generations` of `steps`
    per candidate, with replicate pairs and confirmations.
    """
    population, needed = smallest_population(evolution, lineages), 0
    while True:
        pairs = _null_pairs(evolution, needed, steps)
        cost = _phase_cost(generations, population, steps, pairs, lineages)
        if cost <= needed:
            return needed
        needed = cost


def smallest_population(evolution: EvolutionConfig, lineages: int) -> int:
    """Fewest members of a generation with challengers."""
    return max(evolution.min_population, lineages + 1)


def _sizes(
    phase: PhaseConfig, evolution: EvolutionConfig, lineages: int, effort: Effort
) -> Iterator[tuple[int, int]]:
    """(population, steps) in the order in which they are tried; none where nothing is searched."""
    if effort == "none" or evolution.parts.search == "none":
        return
    smallest = smallest_population(evolution, lineages)
    largest = smallest if effort == "lean" else max(phase.population, smallest)
    shortest = min(evolution.min_steps_per_candidate, phase.steps_per_candidate)
    for count in range(largest, smallest - 1, -1):
        yield count, phase.steps_per_candidate
    for steps in range(phase.steps_per_candidate - 1, shortest - 1, -1):
        yield smallest, steps


def _phase_cost(generations: int, population: int, steps: int, pairs: int, lineages: int) -> int:
    confirmations = min(lineages, population - lineages)
    return steps * (generations * population + RUNS_A_PAIR * pairs + 2 * confirmations)


def _null_pairs(evolution: EvolutionConfig, allotted: int, steps: int) -> int:
    affordable = int(evolution.null_share * allotted / (RUNS_A_PAIR * steps))
    return max(2, min(evolution.max_null_pairs, affordable))


def _note(phase: PhaseConfig, population: int, steps: int, allotted: int) -> str:
    changes = []
    if population != phase.population:
        changes.append(f"population {phase.population} -> {population}")
    if steps != phase.steps_per_candidate:
        changes.append(f"steps per candidate {phase.steps_per_candidate} -> {steps}")
    if not changes:
        return ""
    return f"{phase.name} has {allotted} steps: " + ", ".join(changes)


def purpose(name: PhaseName) -> str:
    """What the phase is for, in a few words."""
    match name:
        case "abiogenesis":
            return "reference model and noise floor"
        case "primordial":
            return "explore"
        case "cambrian":
            return "diversify and refine"
        case "oxidation":
            return "converge and anneal"
        case "endosymbiosis":
            return "merge into one host"
        case "homeostasis":
            return "refine and watch for regression"
        case "control":
            return "baseline with the same budget"
        case "training":
            return "one model from its first step to its last"
        case _:
            assert_never(name)
