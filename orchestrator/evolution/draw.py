"""Drawing the challengers of one lineage."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.evolution.constants import proposals
from orchestrator.evolution.operator_mix import DRAWN, FUSING, DrawnOperator, weights
from orchestrator.evolution_config import EvolutionConfig
from orchestrator.run_state import LineageState, OperatorTally, PhaseSettings, TunedConstants
from state.base import Record
from state.genome import (
    DEFAULT_LEAVES,
    OPERATORS,
    WIDER_LEAVES,
    Crowd,
    Leaf,
    LeafName,
    Mutation,
    Operator,
    crossover,
    genome_of,
    is_known,
    mutate,
    retune,
    swap_fusion,
)
from state.records import Genome

# Draws for one place before it stays empty.
MAX_DRAWS = 32
# Tries of one operator before another one is drawn.
TRIES = 4
# Mutations of a random leaf, at most, where no challenger descends from a champion.
MOST_MUTATIONS = 4


class Challenger(Record):
    """A drawn genome with its ancestry."""

    genome: Genome
    operator: str
    parents: tuple[str, ...]


class Draw(Record):
    """The challengers of one lineage, and how often a draw of them was in vain."""

    challengers: tuple[Challenger, ...]
    draws: int
    """Genomes that were drawn to choose from, known ones included; migrants are not drawn."""
    known_redrawn: int
    """Those of the draws that met a known genome."""


def migration_weights(phases: Sequence[float], receiver: int) -> list[float]:
    """How likely each lineage sends its champion to `receiver`: in-phase ones more often.

    Half of the weight is shared equally; the other half grows with the cosine of the difference.
    """
    nearness = [0.5 + 0.5 * float(np.cos(phase - phases[receiver])) for phase in phases]
    return [0.0 if index == receiver else 0.5 + value for index, value in enumerate(nearness)]


@dataclass(frozen=True, slots=True)
class _Source:
    """What a child of the lineage's champion, or of a random leaf, is made from."""

    champion: Genome
    mates: tuple[Genome, ...]
    shares: dict[DrawnOperator, float]
    constants: Iterator[tuple[float, ...]]
    settings: PhaseSettings
    leaves: tuple[LeafName, ...]
    rng: np.random.Generator


def draw_challengers(
    lineage: LineageState,
    others: Sequence[LineageState],
    migration: Sequence[float],
    count: int,
    *,
    known: Sequence[Genome],
    settings: PhaseSettings,
    config: EvolutionConfig,
    rng: np.random.Generator,
    seed: int,
    tallies: Sequence[OperatorTally] = (),
    tuned: Sequence[TunedConstants] = (),
) -> Draw:
    """Draw `count` challengers: children of the champion, and migrants.

    A genome that was evaluated before is drawn again; migrants are exempt, since a formula's
    fitness depends on the weights it meets. A place for which nothing new is found stays empty.
    `migration` are the relative probabilities of the `others` to send a migrant; `seed` is the
    run's; `tallies` and `tuned` are its records of operators and of constants.
    """
    challengers: list[Challenger] = []
    draws = redrawn = 0
    seen = Crowd([*known, lineage.genome])
    source = _source(lineage, others, settings, config, rng, seed, tallies, tuned)
    for place in range(count):
        at_random = place < settings.random_members or config.parts.search == "random"
        migrant = None
        if not at_random and rng.random() >= settings.mutation_rate:
            migrant = _migrant(lineage, others, migration, challengers, rng)
        if migrant is not None:
            challengers.append(migrant)
            continue
        child, made, repeats = _child(source, seen, config, at_random)
        draws, redrawn = draws + made, redrawn + repeats
        if child is not None:
            challengers.append(child)
            seen.add(child.genome)
    return Draw(challengers=tuple(challengers), draws=draws, known_redrawn=redrawn)


def _source(
    lineage: LineageState,
    others: Sequence[LineageState],
    settings: PhaseSettings,
    config: EvolutionConfig,
    rng: np.random.Generator,
    seed: int,
    tallies: Sequence[OperatorTally],
    tuned: Sequence[TunedConstants],
) -> _Source:
    evidence = tallies if config.adaptive_operators else ()
    champion = lineage.genome
    drawn = (*DRAWN, *FUSING) if config.evolve_fusion else DRAWN
    return _Source(
        champion=champion,
        mates=tuple(one.genome for one in others if not is_known(one.genome, [champion])),
        shares=dict(zip(drawn, weights(evidence, config.operator_floor, drawn), strict=True)),
        constants=proposals(champion, tuned, seed),
        settings=settings,
        leaves=WIDER_LEAVES if settings.leaf_pool else DEFAULT_LEAVES,
        rng=rng,
    )


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
    source: _Source, seen: Crowd, config: EvolutionConfig, at_random: bool
) -> tuple[Challenger | None, int, int]:
    """The most promising of a few proposals, by diversity bonus and chance; draws and redraws."""
    new: list[tuple[float, Challenger]] = []
    draws = repeats = 0
    for _ in range(MAX_DRAWS):
        mutation = _from_leaf(source, config) if at_random else _from_champion(source)
        if mutation is None:
            continue
        draws += 1
        if seen.knows(mutation.genome):
            repeats += 1
            continue
        promise = _bonus(source, mutation.genome, seen) + source.rng.random()
        new.append((promise, _challenger(mutation, at_random)))
        if len(new) == config.proposals:
            break
    best = max(new, key=lambda pair: pair[0])[1] if new else None
    return best, draws, repeats


def _bonus(source: _Source, genome: Genome, seen: Crowd) -> float:
    weight = source.settings.diversity_bonus
    return weight * seen.nearest(genome) if weight else 0.0


def _challenger(mutation: Mutation, at_random: bool) -> Challenger:
    # What becomes of a random leaf's child says nothing about the operator on a champion.
    operator = f"{mutation.operator} at random" if at_random else mutation.operator
    return Challenger(genome=mutation.genome, operator=operator, parents=mutation.parents)


def _from_leaf(source: _Source, config: EvolutionConfig) -> Mutation | None:
    """A mutant of a random leaf, which fuses as the champion does. Where the whole search is random
    it is mutated once to four times, so that it may be as large as what evolves.
    """
    leaf = source.leaves[int(source.rng.integers(len(source.leaves)))]
    genome, found = genome_of(Leaf(leaf)).fused(source.champion.fusion), None
    searched = config.parts.search == "random"
    for _ in range(int(source.rng.integers(1, MOST_MUTATIONS + 1)) if searched else 1):
        found = _mutant(source, found.genome if found else genome, OPERATORS) or found
    return found


def _from_champion(source: _Source) -> Mutation | None:
    """A child of the champion by an operator drawn by its share; None where it finds none."""
    champion, mates, rng, limits = source.champion, source.mates, source.rng, source.settings
    operator = _operator(source)
    match operator:
        case "tune":
            return retune(
                champion,
                next(source.constants),
                max_depth=limits.max_depth,
                max_nodes=limits.max_nodes,
            )
        case "crossover" | "graft":
            return crossover(
                champion,
                mates[int(rng.integers(len(mates)))],
                rng,
                max_depth=limits.max_depth,
                max_nodes=limits.max_nodes,
                operator=operator,
                attempts=TRIES,
            )
        case "swap_fusion":
            return swap_fusion(champion, rng)
        case _:
            return _mutant(source, champion, (operator,))


def _operator(source: _Source) -> DrawnOperator:
    possible = {
        name: share
        for name, share in source.shares.items()
        if source.mates or name not in ("crossover", "graft")
    }
    shares = np.array(list(possible.values()))
    return list(possible)[int(source.rng.choice(len(shares), p=shares / shares.sum()))]


def _mutant(source: _Source, parent: Genome, operators: Sequence[Operator]) -> Mutation | None:
    return mutate(
        parent,
        source.rng,
        operators=operators,
        leaves=source.leaves,
        max_depth=source.settings.max_depth,
        max_nodes=source.settings.max_nodes,
        attempts=TRIES,
    )
