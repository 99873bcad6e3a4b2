"""B: how often does the noise test accept a challenger that is nothing but another batch order?

Real training of a small model. A generation is the continued champion and its null challengers,
judged by the product's limits from null pairs, with the confirming second run.
"""

from hashlib import sha256

from pydantic import JsonValue

from benchmarks.study.specs import Shape, Spec
from benchmarks.study.training import Student
from benchmarks.study.trials import bits_per_byte, load_student, twin, walk
from benchmarks.study.workplace import Workplace
from orchestrator.config import EvolutionConfig
from orchestrator.evolution.noise import gain_limit, null_differences
from state.base import Record
from state.tasks import BatchKey
from trainer.data import Dataset
from trainer.execution import reproducible

SMALL = Shape(dim=32, layers=2)


class Nulls(Record):
    """Consecutive generations of one lineage, in phases that measure their own noise."""

    seed: int
    generations: int = 200
    phase: int = 25
    """Generations that share their null pairs."""
    pairs: tuple[int, ...] = (2, 4, 12)
    """Null pairs of the phases, in turn."""
    challengers: int = 3
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
    bits per byte of the champion and of every challenger.
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

    def measure_noise(self, generation: int, pairs: int) -> tuple[float, ...]:
        """`pairs` independent null differences: one run more, on as many batch orders."""
        runs = [self.trained(generation, f"null{index}") for index in range(pairs + 1)]
        return null_differences([bits for _, bits in runs])

    def advance(
        self, generation: int, differences: tuple[float, ...]
    ) -> tuple[int, int, list[float]]:
        """One generation: how many challengers passed the first test, and were accepted (0, 1);
        what the champion and they measured.
        """
        level, count = EvolutionConfig().false_acceptance, self.nulls.challengers
        champion, own = self.trained(generation, "train")
        others = [self.trained(generation, f"other{n}")[1] for n in range(count)]
        gains = [own - bits for bits in others]
        first = gain_limit(differences, level=level, comparisons=count)
        second = gain_limit(differences, level=level, comparisons=1)
        assert first is not None
        assert second is not None
        accepted = 0
        if max(gains) > first:
            best = gains.index(max(gains))
            again = self.trained(generation, "confirm")[1]
            accepted = int(again - self.trained(generation, f"confirm{best}")[1] > second)
        self.student = champion
        return sum(gain > first for gain in gains), accepted, [own, *others]

    def trained(self, generation: int, purpose: str) -> tuple[Student, float]:
        """The champion after a generation's steps on one batch order, and what it measures."""
        key = BatchKey(seed=self.nulls.seed, lineage=0, generation=generation + 1, purpose=purpose)
        student = twin(self.student)
        walk(student, self.dataset, key, self.nulls.steps)
        return student, bits_per_byte(student.model, self.dataset)
