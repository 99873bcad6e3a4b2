"""Ranking the challengers of a lineage and judging them."""

from collections.abc import Iterable

from orchestrator.evolution_config import EvolutionConfig
from state.base import Record
from state.genome import size, static_cost
from state.records import Genome


class Contender(Record):
    """A challenger with its paired gain over the continued champion of its lineage."""

    task_id: str
    genome: Genome
    gain: float
    """Bits per byte below the champion on the same split; positive is better."""
    sigma: float
    """By how much the gain moves with the order of the batches, in bits per byte."""
    limit: float
    """What the gain must exceed, in bits per byte."""


def credit(contender: Contender, champion: Genome, config: EvolutionConfig) -> float:
    """The gain in bits per byte, less what a larger and dearer graph must earn: parts of its noise
    for each node and each operation more.
    """
    nodes = size(contender.genome).nodes - size(champion).nodes
    operations = static_cost(contender.genome).operations - static_cost(champion).operations
    price = config.complexity_weight * nodes + config.cost_weight * operations
    return contender.gain - price * contender.sigma


def best_contender(
    contenders: Iterable[Contender], champion: Genome, config: EvolutionConfig
) -> Contender | None:
    """The one of most credit among those that pass; ties go to the smaller task id, so arrival
    order never matters.
    """
    return min(
        (one for one in contenders if passes(one, champion, config)),
        key=lambda one: (-credit(one, champion, config), one.task_id),
        default=None,
    )


def passes(contender: Contender, champion: Genome, config: EvolutionConfig) -> bool:
    """True when the gain, less what added complexity must earn, exceeds the limit.

    Simplicity earns no credit: a smaller graph still has to beat the noise.
    """
    return min(contender.gain, credit(contender, champion, config)) > contender.limit
