"""B: how often does the noise test accept a challenger that is worth nothing?

Real training of a small model. A generation is the continued champion and challengers whose
function is the champion's but for a thousandth: what separates them is how training amplifies it.
Judged as the product does, by limits from replicate pairs and a confirming second run.
"""

from collections.abc import Sequence
from hashlib import sha256

from pydantic import JsonValue

from benchmarks.study.specs import Shape, Spec
from benchmarks.study.training import Student
from benchmarks.study.trials import bits_per_byte, load_student, twin, walk
from benchmarks.study.workplace import Workplace
from orchestrator.evolution.noise import gain_limit, reach, replicate_difference
from orchestrator.evolution_config import EvolutionConfig
from state.base import Record
from state.genome import distance, parse
from state.tasks import BatchKey
from trainer.data import Dataset
from trainer.execution import reproducible

SMALL = Shape(dim=32, layers=2)
CHAMPION = parse("gelu")


class Nulls(Record):
    """Consecutive generations of one lineage, in phases that measure their own noise."""

    seed: int
    generations: int = 200
    phase: int = 25
    """Generations that share their replicate pairs."""
    pairs: tuple[int, ...] = (2, 4, 12)
    """Replicate pairs of the phases, in turn."""
    challengers: tuple[str, ...] = ("0.999*gelu(x)", "1.001*gelu(x)", "gelu(x)+0.001*x")
    steps: int = 20

    @property
    def mother(self) -> Spec:
        """The lineage before its first generation, at constant rate."""
        return Spec(steps=500, seed=self.seed, decay_from=1.0, shape=SMALL)

    @property
    def key(self) -> str:
        """Name of the simulation."""
        return "nulls-" + sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @property
    def needs(self) -> tuple[Spec, ...]:
        """The lineage must have been trained."""
        return (self.mother,)


def make_nulls(nulls: Nulls, workplace: Workplace) -> dict[str, JsonValue]:
    """For every generation: pairs known, challengers that passed, challengers accepted, then the
    gain of every challenger.
    """
    dataset = workplace.dataset(nulls.mother.corpus, nulls.mother.shape)
    rows: list[JsonValue] = []
    differences: tuple[float, ...] = ()
    with reproducible(1, "cpu"):
        lineage = Lineage(load_student(workplace, nulls.mother), dataset, nulls)
        for generation in range(nulls.generations):
            if generation % nulls.phase == 0:
                pairs = nulls.pairs[generation // nulls.phase % len(nulls.pairs)]
                differences = lineage.measure_noise(generation, pairs)
            passed, accepted, bits = lineage.advance(generation, differences)
            rows.append([len(differences), passed, accepted, *bits])
    return {
        "nulls": nulls.model_dump(mode="json"),
        "generations": rows,
        "bits_per_byte": bits_per_byte(lineage.student.model, dataset),
    }


class Lineage:
    """The champion and its generations."""

    def __init__(self, student: Student, dataset: Dataset, nulls: Nulls) -> None:
        self.student, self.dataset, self.nulls = student, dataset, nulls
        genomes = [parse(text) for text in nulls.challengers]
        self.reached = [reach(distance(one, CHAMPION), nulls.steps) for one in genomes]

    def measure_noise(self, generation: int, pairs: int) -> tuple[float, ...]:
        """Differences of `pairs` replicate pairs, each on two batch orders of its own."""
        found = []
        for index in range(pairs):
            one = index % len(self.reached)
            orders = [f"null{2 * index}", f"null{2 * index + 1}"]
            first, second = (self.gains(generation, order, (one,))[1][0] for order in orders)
            found.append(replicate_difference(first, second, self.reached[one]))
        return tuple(found)

    def advance(
        self, generation: int, differences: tuple[float, ...]
    ) -> tuple[int, int, list[float]]:
        """One generation: how many challengers passed the first test, and were accepted (0, 1);
        what they gained.
        """
        level, count = EvolutionConfig().false_acceptance, len(self.reached)
        champion, gains = self.gains(generation, "train", range(count))
        first = gain_limit(differences, level=level, comparisons=count)
        second = gain_limit(differences, level=level, comparisons=1)
        assert first is not None
        assert second is not None
        over = [gain - first * far for gain, far in zip(gains, self.reached, strict=True)]
        accepted = 0
        if max(over) > 0:
            best = over.index(max(over))
            again = self.gains(generation, "confirm", (best,))[1][0]
            accepted = int(again > second * self.reached[best])
        self.student = champion
        return sum(value > 0 for value in over), accepted, gains

    def gains(
        self, generation: int, order: str, challengers: Sequence[int]
    ) -> tuple[Student, list[float]]:
        """The champion after a generation's steps on one batch order, and what challengers gain."""
        champion, own = self.trained(generation, order, None)
        texts = [self.nulls.challengers[index] for index in challengers]
        return champion, [own - self.trained(generation, order, text)[1] for text in texts]

    def trained(self, generation: int, order: str, activation: str | None) -> tuple[Student, float]:
        """The champion, or a challenger made of it, after a generation; what it measures."""
        key = BatchKey(seed=self.nulls.seed, lineage=0, generation=generation + 1, purpose=order)
        student = twin(self.student)
        if activation:
            student.change_activation(parse(activation))
        walk(student, self.dataset, key, self.nulls.steps)
        return student, bits_per_byte(student.model, self.dataset)
