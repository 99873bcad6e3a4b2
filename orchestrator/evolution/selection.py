"""Ranking the challengers of a lineage and judging the best one."""

from collections.abc import Sequence

from orchestrator.config import EvolutionConfig
from state.base import Record
from state.genome import size, static_cost
from state.records import Genome


class Contender(Record):
    """A challenger with its paired gain over the continued champion of its lineage."""

    task_id: str
    genome: Genome
    gain: float
    """Bits per byte below the champion on the same split; positive is better."""


def fitness(
    contender: Contender, champion: Genome, noise_sigma: float, config: EvolutionConfig
) -> float:
    """Gain in sigmas of the noise, less what a larger and dearer graph must earn."""
    nodes = size(contender.genome).nodes - size(champion).nodes
    operations = static_cost(contender.genome).operations - static_cost(champion).operations
    price = config.complexity_weight * nodes + config.cost_weight * operations
    return contender.gain / noise_sigma - price


def best_contender(
    contenders: Sequence[Contender], champion: Genome, noise_sigma: float, config: EvolutionConfig
) -> Contender | None:
    """The fittest contender; ties go to the smaller task id, so arrival order never matters."""
    return min(
        contenders,
        key=lambda one: (-fitness(one, champion, noise_sigma, config), one.task_id),
        default=None,
    )


def passes(
    contender: Contender,
    champion: Genome,
    *,
    limit: float,
    noise_sigma: float,
    config: EvolutionConfig,
) -> bool:
    """True when the gain, less what added complexity must earn, exceeds the noise limit.

    Simplicity earns no credit: a smaller graph still has to beat the noise.
    """
    credit = fitness(contender, champion, noise_sigma, config) * noise_sigma
    return min(contender.gain, credit) > limit
