"""A search without training, for questions about how challengers are drawn.

A genome's bits per byte are its functional distance to a hidden target plus noise. Draws, noise
test, confirmation and records are the product's. The unit is the sigma of a null difference; the
start is `HEIGHT` sigmas above the target.
"""

from collections.abc import Sequence
from functools import partial
from math import sqrt
from typing import NamedTuple

from orchestrator.evolution.constants import Measured, record_constants
from orchestrator.evolution.draw import Draw, draw_challengers
from orchestrator.evolution.noise import gain_limit
from orchestrator.evolution.operator_mix import record_outcomes
from orchestrator.evolution.selection import Contender, best_contender
from orchestrator.evolution_config import EvolutionConfig
from orchestrator.run_state import LineageState, OperatorTally, PhaseSettings, TunedConstants
from state.genome import fingerprint
from state.genome.fingerprint import rms
from state.records import Genome
from state.seeds import generator

HEIGHT = 20.0
"""Sigmas between the start and the target."""
GATE = 0.5
"""Distance of a gated from an ungated genome, in units of the start's distance."""
LINEAGES, PER_LINEAGE, NULL_PAIRS = 2, 3, 6
SETTINGS = PhaseSettings(mutation_rate=1.0, max_depth=5, max_nodes=12, leaf_pool=1)
CONFIG = EvolutionConfig(proposals=1, adaptive_operators=True)
"""One proposal a place, so that the mix is what is drawn."""


class Landscape(NamedTuple):
    """Bits per byte without training, in sigmas."""

    start: Genome
    target: Genome

    def height(self, genome: Genome) -> float:
        """True distance to the target."""
        return HEIGHT * self._distance(genome) / self._distance(self.start)

    def _distance(self, genome: Genome) -> float:
        one, start, other = (fingerprint(each) for each in (genome, self.start, self.target))
        apart = rms(one.values - other.values)
        return apart + GATE * rms(start.values - other.values) * (one.gated != other.gated)


class Search:
    """Lineages that look for one target."""

    def __init__(self, start: Genome, target: Genome, seed: int) -> None:
        self.landscape, self.seed = Landscape(start, target), seed
        self.rng = generator(seed, "landscape", start.formula, target.formula)
        self.lineages = [
            LineageState(index=index, genome=start, init_seed=0) for index in range(LINEAGES)
        ]
        self.known = [start]
        self.tallies: tuple[OperatorTally, ...] = ()
        self.tuned: tuple[TunedConstants, ...] = ()

    def run(self, generations: int, until: float = 0.0) -> list[float]:
        """True height of the best champion after each generation, to the first that is `until`."""
        heights: list[float] = []
        while len(heights) < generations and (not heights or heights[-1] > until):
            self.advance(len(heights))
            heights.append(min(self.landscape.height(one.genome) for one in self.lineages))
        return heights

    def advance(self, generation: int) -> None:
        """One generation of all lineages."""
        outcomes: list[tuple[str, float]] = []
        measured: list[Measured] = []
        for index, lineage in enumerate(self.lineages):
            found = self.draw(lineage, generation)
            own = self.measure(lineage.genome)
            contenders = []
            limit, again = self.limits()
            for number, one in enumerate(found.challengers):
                gain = own - self.measure(one.genome)
                name = f"g{generation:05d}-l{index}-c{number}"
                contenders.append(
                    Contender(task_id=name, genome=one.genome, gain=gain, sigma=1, limit=limit)
                )
                outcomes.append((one.operator, gain))
                measured.append(
                    Measured(task_id=name, genome=one.genome, champion=lineage.genome, gain=gain)
                )
                self.known.append(one.genome)
            self.lineages[index] = self.judged(lineage, contenders, again)
        self.tallies = record_outcomes(self.tallies, outcomes)
        self.tuned = record_constants(self.tuned, measured)

    def draw(self, lineage: LineageState, generation: int) -> Draw:
        """The challengers of one lineage."""
        return draw_challengers(
            lineage,
            [one for one in self.lineages if one.index != lineage.index],
            [1.0] * (LINEAGES - 1),
            PER_LINEAGE,
            known=self.known,
            settings=SETTINGS,
            config=CONFIG,
            rng=generator(self.seed, "draw", lineage.index, generation),
            seed=self.seed,
            tallies=self.tallies,
            tuned=self.tuned,
        )

    def measure(self, genome: Genome) -> float:
        """Height with the noise of one run."""
        return self.landscape.height(genome) + self.rng.normal() / sqrt(2)

    def limits(self) -> tuple[float, float]:
        """What the best of all challengers must gain, and a contender the second time."""
        differences = self.rng.normal(size=NULL_PAIRS).tolist()
        bar = partial(gain_limit, differences, level=CONFIG.false_acceptance)
        first, again = bar(comparisons=LINEAGES * PER_LINEAGE), bar(comparisons=1)
        assert first is not None
        assert again is not None
        return first, again

    def judged(
        self, lineage: LineageState, contenders: Sequence[Contender], again: float
    ) -> LineageState:
        """The lineage with the best contender if its gain beats the noise, twice."""
        best = best_contender(contenders, lineage.genome, CONFIG)
        if best is None or self.measure(lineage.genome) - self.measure(best.genome) <= again:
            return lineage
        return lineage.model_copy(update={"genome": best.genome})
