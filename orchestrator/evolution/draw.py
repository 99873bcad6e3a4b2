"""Drawing the challengers of one lineage."""

from collections.abc import Sequence

import numpy as np

from orchestrator.config import EvolutionConfig
from orchestrator.run_state import LineageState, PhaseSettings
from state.base import Record
from state.genome import (
    DEFAULT_LEAVES,
    OPERATORS,
    crossover,
    distance,
    is_known,
    mutate,
    parse,
)
from state.records import Genome

# How often another lineage's champion is the second parent of a child.
CROSSOVER_SHARE = 0.2
# Draws of one child before its place stays empty.
MAX_ATTEMPTS = 16


class Challenger(Record):
    """A drawn genome with its ancestry."""

    genome: Genome
    operator: str
    parents: tuple[str, ...]


class Draw(Record):
    """The challengers of one lineage and how many draws met a known genome."""

    challengers: tuple[Challenger, ...]
    known_redrawn: int


def migration_weights(phases: Sequence[float], receiver: int) -> list[float]:
    """How likely each lineage sends its champion to `receiver`: in-phase ones more often.

    Half of the weight is shared equally; the other half grows with the cosine of the difference.
    """
    weights = [0.5 + 0.5 * float(np.cos(phase - phases[receiver])) for phase in phases]
    return [0.0 if index == receiver else 0.5 + value for index, value in enumerate(weights)]


def draw_challengers(
    lineage: LineageState,
    others: Sequence[LineageState],
    weights: Sequence[float],
    count: int,
    *,
    known: Sequence[Genome],
    settings: PhaseSettings,
    config: EvolutionConfig,
    rng: np.random.Generator,
) -> Draw:
    """Draw `count` challengers: mutants and crossovers of the champion, and migrants.

    A genome that was evaluated before is drawn again; migrants are exempt, since a formula's
    fitness depends on the weights it meets. A place for which nothing new is found stays empty.
    `weights` are the relative probabilities of the `others` to send a migrant.
    """
    challengers: list[Challenger] = []
    redrawn = 0
    seen = [*known, lineage.genome]
    for place in range(count):
        migrant = None
        if place >= settings.random_members and rng.random() >= settings.mutation_rate:
            migrant = _migrant(lineage, others, weights, challengers, rng)
        if migrant is not None:
            challengers.append(migrant)
            continue
        child, repeats = _child(
            lineage, others, seen, settings, config, place < settings.random_members, rng
        )
        redrawn += repeats
        if child is not None:
            challengers.append(child)
            seen.append(child.genome)
    return Draw(challengers=tuple(challengers), known_redrawn=redrawn)


def _migrant(
    lineage: LineageState,
    others: Sequence[LineageState],
    weights: Sequence[float],
    taken: Sequence[Challenger],
    rng: np.random.Generator,
) -> Challenger | None:
    """Another lineage's champion that differs from ours and is not drawn yet."""
    present = [lineage.genome, *(one.genome for one in taken)]
    options = [
        (other, weight)
        for other, weight in zip(others, weights, strict=True)
        if weight > 0 and not is_known(other.genome, present)
    ]
    if not options:
        return None
    total = sum(weight for _, weight in options)
    chosen = options[int(rng.choice(len(options), p=[weight / total for _, weight in options]))][0]
    return Challenger(
        genome=chosen.genome,
        operator=f"migrate from lineage {chosen.index}",
        parents=(chosen.genome.formula,),
    )


def _child(
    lineage: LineageState,
    others: Sequence[LineageState],
    seen: Sequence[Genome],
    settings: PhaseSettings,
    config: EvolutionConfig,
    at_random: bool,
    rng: np.random.Generator,
) -> tuple[Challenger | None, int]:
    """The most promising of a few proposals, by diversity bonus and chance; and the redraws."""
    proposals: list[tuple[float, Challenger]] = []
    repeats = 0
    for _ in range(MAX_ATTEMPTS):
        child = _propose(lineage, others, settings, at_random, rng)
        if child is None:
            continue
        if is_known(child.genome, seen):
            repeats += 1
            continue
        nearest = min(distance(child.genome, one) for one in seen)
        proposals.append((settings.diversity_bonus * nearest + rng.random(), child))
        if len(proposals) == config.proposals:
            break
    if not proposals:
        return None, repeats
    return max(proposals, key=lambda pair: pair[0])[1], repeats


def _propose(
    lineage: LineageState,
    others: Sequence[LineageState],
    settings: PhaseSettings,
    at_random: bool,
    rng: np.random.Generator,
) -> Challenger | None:
    champion = lineage.genome
    if at_random:
        champion = parse(f"{rng.choice(DEFAULT_LEAVES)}(x)".replace("identity(x)", "x"))
    mates = [other.genome for other in others if not is_known(other.genome, [champion])]
    if mates and rng.random() < CROSSOVER_SHARE:
        mate = mates[int(rng.integers(len(mates)))]
        mutation = crossover(
            champion, mate, rng, max_depth=settings.max_depth, max_nodes=settings.max_nodes
        )
    else:
        mutation = mutate(
            champion,
            rng,
            operators=OPERATORS,
            leaves=DEFAULT_LEAVES,
            max_depth=settings.max_depth,
            max_nodes=settings.max_nodes,
        )
    if mutation is None:
        return None
    return Challenger(genome=mutation.genome, operator=mutation.operator, parents=mutation.parents)
