"""Does the search find an activation that is known to be best, and sooner than random draws do?

    python -m benchmarks.planted --seeds 20

Whole searches of the product, from the first phase to the merger, on an engine that answers with a
formula in place of training. What an activation loses is proportional to its functional distance
from the planted one; what moves a measurement, and what a change of activation costs at first, is
as it was measured on text (docs/design/noise.md, study.md).
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from math import hypot, sqrt
from statistics import fmean
from typing import NamedTuple, TypeAlias

from pydantic import JsonValue

from benchmarks.recording import write_result
from orchestrator.config import RunConfig
from orchestrator.run_state import LineageState, RunState
from orchestrator.stages.symbiosis import symbionts
from state.genome import distance, parse
from state.records import Genome
from state.results import Outcome, TrainingResult
from state.seeds import generator
from state.tasks import TrainingTask
from tests.builders import make_config
from tests.memory_runs import MemoryEngine, drive

TARGETS = (
    "relu(x)",
    "relu(x)*relu(x)",
    "glu(silu(x))",
    "0.8*silu(x)*relu(x) + 0.2*x",
    "silu(x)*silu(x)",
)
SLOPES = (0.02, 0.05, 0.2)
"""Bits per byte that an activation loses for a distance of 1 from the planted one. On text ReLU
squared lost .015 and tanh .04 to GELU, ReLU .07, identity .2.
"""
FOUND = 0.1
"""Distance below which the planted activation counts as found."""
ORDER_NOISE = {20: 0.0096, 50: 0.0071, 100: 0.0045}
"""Standard deviation of the difference of twins on two batch orders, by steps."""
GAIN_NOISE = 0.007
"""Of a gain, for a reach of 1, within what was measured at 20 to 100 steps."""
DEBT, DEBT_STEPS = 0.12, 20.0
"""Bits per byte that a change of activation by a distance of 1 costs after so many steps. It grows
with the square of the distance and falls with the root of the steps: ReLU squared .065 after 20,
.040 after 50, .027 after 100; SwiGLU .132, .076, .050.
"""
NEAR = 0.1
Debts: TypeAlias = tuple[tuple[float, int], ...]
"""(bits per byte after `DEBT_STEPS` steps, steps since) of each change of activation."""


class Problem(NamedTuple):
    """A planted activation."""

    target: Genome
    slope: float
    debt: bool
    """A change costs at first, as it does when a challenger inherits its champion's weights."""

    def loss(self, genome: Genome) -> float:
        """Bits per byte above the planted activation's, once any debt is paid."""
        return self.slope * distance(genome, self.target)


class Run(NamedTuple):
    """What one search came to."""

    seed: int
    distance: float
    loss: float
    evaluated: int
    accepted: int
    rightly: int
    """Accepted activations that are truly better than those whose place they took."""
    formula: str

    @property
    def found(self) -> bool:
        """The planted activation, or one next to it."""
        return self.distance < FOUND


class PlantedEngine(MemoryEngine):
    """Losses by a formula. Members of a generation share what their batch order does to them."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(quality=lambda genome: -problem.loss(genome), noise=0.0)
        self.problem, self.penalty = problem, self._beside
        self.debts: dict[str, Debts] = {}
        """Of each checkpoint."""

    def train(self, task: TrainingTask) -> Outcome:
        """As every scripted engine; what is still owed goes with the weights."""
        outcome = super().train(task)
        result = outcome.result
        if isinstance(result, TrainingResult) and result.checkpoint:
            self.debts[result.checkpoint] = self._debts(task)
        return outcome

    def _beside(self, task: TrainingTask) -> float:
        """What a measurement has besides the loss of its activation."""
        owed = sum(size * sqrt(DEBT_STEPS / max(1, since)) for size, since in self._debts(task))
        return owed + self._noise(task, distance(task.genome, task.parent_genome))

    def _debts(self, task: TrainingTask) -> Debts:
        """After the task, its own change included."""
        before = self.debts.get(task.parent, ()) if task.parent else ()
        older = tuple((size, since + task.steps) for size, since in before)
        apart = distance(task.genome, task.parent_genome)
        return (*older, (DEBT * apart**2, task.steps)) if apart and self.problem.debt else older

    def _noise(self, task: TrainingTask, apart: float) -> float:
        """Of the order, and of the member for itself."""
        key, steps = task.batches, task.steps
        of_order = ORDER_NOISE[min(ORDER_NOISE, key=lambda known: abs(known - steps))] / sqrt(2)
        own = GAIN_NOISE * hypot(apart, NEAR) if apart else 0.0
        shared = generator(key.seed, "order", key.lineage, key.generation, key.purpose)
        alone = generator(key.seed, "own", task.task_id, key.purpose)
        return float(of_order * shared.standard_normal() + own * alone.standard_normal())


def configured(seed: int, budget: int, search: str) -> RunConfig:
    """As it is shipped, for a text that the budget passes over 65 times in 24,000 steps."""
    return make_config(
        seed=seed,
        budget=budget,
        optimizer={"warmup": None, "batch": 8},
        model={"block": 64},
        data={"train_tokens": 188_290},
        evolution={"activation": "gelu", "parts": {"search": search}},
    )


def searched(problem: Problem, config: RunConfig) -> Run:
    """From the first step to the merger."""
    states = drive(config, PlantedEngine(problem), until=lambda one: one.stage == "symbiosis")
    last = states[-1]
    best = min(symbionts(last), key=bits_of).genome
    steps = list(changes(states))
    return Run(
        seed=config.seed,
        distance=distance(best, problem.target),
        loss=problem.loss(best),
        evaluated=last.counts.evaluated,
        accepted=len(steps),
        rightly=sum(problem.loss(after) < problem.loss(before) for before, after in steps),
        formula=best.formula,
    )


def bits_of(lineage: LineageState) -> float:
    """As the merger ranks them."""
    return lineage.evaluation.bits_per_byte if lineage.evaluation else float("inf")


def changes(states: Sequence[RunState]) -> Iterator[tuple[Genome, Genome]]:
    """Every activation that was accepted, behind the one that it followed."""
    for before, after in pairwise(states):
        for old, new in zip(before.lineages, after.lineages, strict=False):
            if new.accepted == old.accepted + 1:
                yield old.genome, new.genome


def compared(problem: Problem, seeds: int, budget: int) -> dict[str, JsonValue]:
    """The search beside random draws, seed by seed."""
    arms = {
        search: [searched(problem, configured(seed, budget, search)) for seed in range(seeds)]
        for search in ("evolved", "random")
    }
    gaps = [
        ours.loss - theirs.loss
        for ours, theirs in zip(arms["evolved"], arms["random"], strict=True)
    ]
    row: dict[str, JsonValue] = {
        "target": problem.target.formula,
        "slope": problem.slope,
        "debt": problem.debt,
        "budget": budget,
        "start_loss": round(problem.loss(parse("gelu")), 4),
        "loss_less_random": round(fmean(gaps), 5),
        "better_than_random": sum(gap < 0 for gap in gaps),
        "worse_than_random": sum(gap > 0 for gap in gaps),
    }
    for name, runs in arms.items():
        row[name] = {
            "found": sum(run.found for run in runs),
            "distance": round(fmean(run.distance for run in runs), 3),
            "loss": round(fmean(run.loss for run in runs), 5),
            "evaluated": round(fmean(run.evaluated for run in runs), 1),
            "accepted": sum(run.accepted for run in runs),
            "rightly": sum(run.rightly for run in runs),
            "formulas": [run.formula for run in runs],
        }
    return row


def main() -> None:
    """Search and write results/planted.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--budgets", type=int, nargs="+", default=[24_000])
    parser.add_argument("--targets", nargs="+", default=TARGETS)
    parser.add_argument("--slopes", type=float, nargs="+", default=SLOPES)
    parser.add_argument("--debt", choices=("both", "yes", "no"), default="both")
    parser.add_argument("--name", default="planted", help="of the result file")
    asked = parser.parse_args()
    debts = {"both": (False, True), "yes": (True,), "no": (False,)}[asked.debt]
    rows: list[JsonValue] = []
    for budget, debt, slope, target in product(asked.budgets, debts, asked.slopes, asked.targets):
        row = compared(Problem(parse(target), slope, debt), asked.seeds, budget)
        rows.append(row)
        write_result(asked.name, {"seeds": asked.seeds, "problems": rows})
        print(shown(row), flush=True)


def shown(row: dict[str, JsonValue]) -> str:
    """One line of the table."""
    ours, theirs = row["evolved"], row["random"]
    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    return (
        f"| {row['budget']} | {row['target']} | {row['slope']} | {'yes' if row['debt'] else 'no'} "
        f"| {ours['found']} | {theirs['found']} | {ours['distance']} | {theirs['distance']} "
        f"| {ours['loss']} | {theirs['loss']} | {ours['rightly']} of {ours['accepted']} "
        f"| {ours['evaluated']} |"
    )


if __name__ == "__main__":
    main()
