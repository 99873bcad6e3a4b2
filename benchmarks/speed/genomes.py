"""Activations to switch to: structures that were not seen, and seen ones with other constants."""

from collections.abc import Iterator

import numpy as np

from orchestrator.phases import SIX_PHASES
from state.genome import (
    DEFAULT_LEAVES,
    OPERATORS,
    is_gated,
    learnable,
    mutate,
    parse,
    retune,
    size,
    skeleton,
)
from state.records import Genome

LIMITS = next(phase for phase in SIX_PHASES if phase.name == "cambrian")
FEWEST_NODES = 6
MUTATIONS = 12
"""In a row, before a walk begins again at gelu."""


def new_structures(rng: np.random.Generator) -> Iterator[Genome]:
    """Composed activations without a gate, of six nodes or more, each of another structure."""
    seen: set[str] = set()
    while True:
        genome = parse("gelu")
        for _ in range(MUTATIONS):
            genome = mutated(genome, rng)
            structure = skeleton(genome).text
            if size(genome).nodes >= FEWEST_NODES and structure not in seen and plain(genome):
                seen.add(structure)
                yield genome


def mutated(genome: Genome, rng: np.random.Generator) -> Genome:
    """A child, as a search draws it; the parent where none is found."""
    child = mutate(
        genome,
        rng,
        operators=OPERATORS,
        leaves=DEFAULT_LEAVES,
        max_depth=LIMITS.max_depth,
        max_nodes=LIMITS.max_nodes,
    )
    return genome if child is None else child.genome


def plain(genome: Genome) -> bool:
    """Neither a gate nor trained constants."""
    return not is_gated(genome) and learnable(genome) is None


def with_other_constants(genome: Genome, rng: np.random.Generator) -> Genome | None:
    """The same structure with constants of up to a fifth more or less; None if none is sound."""
    constants = [value * rng.uniform(0.8, 1.2) for value in skeleton(genome).constants]
    child = retune(genome, constants, max_depth=LIMITS.max_depth, max_nodes=LIMITS.max_nodes)
    same = child is not None and skeleton(child.genome).text == skeleton(genome).text
    return child.genome if child is not None and same else None
