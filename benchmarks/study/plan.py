"""Every run of the study, in the order in which it is made.

python -m benchmarks.study.plan prints the table of core-hours.
"""

from collections.abc import Sequence
from typing import assert_never

from benchmarks.study.jobs import SEEDS, Job, Jobs, Work, lineage
from benchmarks.study.lessons import lesson_cost
from benchmarks.study.nulls import Nulls
from benchmarks.study.short_plan import (
    late_changes,
    long_proxies,
    noise,
    rankings,
    replicates,
    truth,
)
from benchmarks.study.specs import Corpus, Lesson, Panel, Shape, Spec
from benchmarks.study.training import evaluation_steps
from benchmarks.study.trials import Trial

TRAIN_TOKENS: dict[Corpus, int] = {"historic": 188_290, "tinyshakespeare": 488_645}
SECONDS_A_STEP = 0.046
SECONDS_AN_EVALUATION = 0.5
SECONDS_A_SMALL_GENERATION = 1.9
MIXED = ("gelu", "relu2", "silu", "swiglu")


def tuning(steps: int) -> Jobs:
    """One seed: dropout, weight decay and rates of the single model."""
    changes: list[dict[str, float]] = [{"dropout": 0.1}, {"dropout": 0.2}]
    if steps == 6000:
        changes += [{}, {"dropout": 0.1, "weight_decay": 0.3}, {"rate": 0.5}]
        changes += [{"weight_decay": 0.03}, {"decay_from": 0.7}, {"decay_from": 0.1}]
        for change in ({}, {"dropout": 0.1}):
            shakespeare = Spec(corpus="tinyshakespeare", steps=steps).model_copy(update=change)
            yield Job(f"tuning {steps}", shakespeare)
    else:
        # The first choice was .1, and has all seeds.
        changes += [{"dropout": 0.05}, {}, *({"dropout": 0.1, "seed": seed} for seed in SEEDS[1:])]
    for change in changes:
        yield Job(f"tuning {steps}", Spec(steps=steps).model_copy(update=change))


def singles(corpus: Corpus, steps: int, activations: Sequence[str] = ("gelu", "relu2")) -> Jobs:
    """Arm a: one tuned model with the whole budget."""
    for seed in SEEDS:
        for activation in activations:
            yield Job(f"a {activation} {steps}", lineage(corpus, steps, seed, 0, activation))


def ensembles(corpus: Corpus, budget: int, counts: Sequence[int]) -> Jobs:
    """Arm b: k independent lineages of gelu, averaged."""
    for seed in SEEDS:
        for k in counts:
            members = tuple(lineage(corpus, budget // k, seed, index) for index in range(k))
            for member in members:
                yield Job(f"b {k} {budget}", member)
            yield Job(f"b {k} {budget}", Panel(members=members))


def mixed(corpus: Corpus, budget: int, k: int) -> Jobs:
    """Arm d: as many lineages, each with an activation of its own."""
    for seed in SEEDS:
        members = tuple(
            lineage(corpus, budget // k, seed, index, MIXED[index]) for index in range(k)
        )
        for member in members:
            yield Job(f"d {k} {budget}", member)
        yield Job(f"d {k} {budget}", Panel(members=members))


def host(
    teachers: tuple[Spec, ...], budget: int, lesson: dict[str, object], fresh: bool = False
) -> Spec:
    """Arm c: what the lineages left of the budget goes to one host, teachers charged."""
    first = teachers[0]
    asked = Lesson(teachers=teachers).model_copy(update=lesson)
    left = budget - sum(one.steps for one in teachers)
    spec = Spec(corpus=first.corpus, activation=first.activation, seed=first.seed, steps=left)
    taught = asked if asked.weight else None
    spec = spec.model_copy(update={"lesson": taught, "parent": None if fresh else first})
    return spec.model_copy(update={"steps": _affordable(spec, left)})


def distilled(
    corpus: Corpus,
    budget: int,
    splits: Sequence[tuple[int, int]],
    seeds: Sequence[int] = SEEDS,
    *,
    trunk: bool = False,
) -> Jobs:
    """Arm c with the default lesson: `splits` holds (lineages, steps of each). Lineages are
    annealed, or keep their rate and teach with the running mean of their weights.
    """
    for seed in seeds:
        for k, steps in splits:
            arm = f"c {'trunk ' if trunk else ''}{k}x{steps} {budget}"
            members = tuple(lineage(corpus, steps, seed, index) for index in range(k))
            if trunk:
                members = tuple(one.model_copy(update={"decay_from": 1.0}) for one in members)
            yield from (Job(arm, member) for member in members)
            yield Job(arm, Panel(members=members))
            yield Job(arm, host(members, budget, {}))
            untaught = host(members, budget, {"weight": 0.0})
            yield Job(arm.replace("c ", "c untaught ", 1), untaught)


def cheapest_lesson(corpus: Corpus, budget: int) -> Jobs:
    """Arm c, two lineages of a quarter each, a table read once without overlap."""
    for seed in SEEDS:
        arm = f"c once 2x{budget // 4} {budget}"
        members = tuple(lineage(corpus, budget // 4, seed, index) for index in range(2))
        yield from (Job(arm, member) for member in members)
        yield Job(arm, host(members, budget, {"overlap": False}))
        yield Job(arm.replace("c once", "c untaught"), host(members, budget, {"weight": 0.0}))


def shares() -> Jobs:
    """C: how much of a long budget the lineages get, and how many there are; one seed."""
    for k, steps in ((4, 4000), (3, 4000), (4, 3000)):
        arm = f"c once {k}x{steps} 24000"
        members = tuple(lineage("historic", steps, 0, index) for index in range(k))
        yield from (Job(arm, member) for member in members)
        yield Job(arm, Panel(members=members))
        yield Job(arm, host(members, 24_000, {"overlap": False}))


def long_sweep() -> Jobs:
    """C: the lesson again where there are four teachers and many passes; one seed."""
    arm, members = "sweep 24000", tuple(lineage("historic", 3000, 0, index) for index in range(4))
    lesson: dict[str, object] = {"overlap": False}
    plain = host(members, 24_000, lesson)
    yield Job(arm, plain.model_copy(update={"dropout": 0.1}))
    yield Job(arm, host(members, 24_000, lesson | {"weight": 0.75}))
    yield Job(arm, host(members, 24_000, {}))
    yield Job(arm, plain.model_copy(update={"weight_decay": 0.3}))


def sweep(budget: int, k: int, steps: int) -> Jobs:
    """Arm c, one seed: weight, temperature, source of the lesson, fresh or warm."""
    members = tuple(lineage("historic", steps, 0, index) for index in range(k))
    lessons: list[dict[str, object]] = [
        {"weight": 0.0},
        {"weight": 0.25},
        {"weight": 0.5},
        {"weight": 0.75},
        {"weight": 1.0},
        {"temperature": 2.0},
        {"source": "live"},
        {"overlap": False},
    ]
    for lesson in lessons:
        yield Job(f"sweep {budget}", host(members, budget, lesson))
    yield Job(f"sweep {budget} fresh", host(members, budget, {}, fresh=True))
    yield Job(f"sweep {budget} fresh", host(members, budget, {"weight": 1.0}, fresh=True))


def diversity(budget: int, k: int) -> Jobs:
    """Arm e: lineages that shared their initialisation, their data order, or were fused."""
    for seed in SEEDS:
        ways: dict[str, dict[str, int]] = {"init": {"init": 0}, "order": {"order": 0}}
        for name, shared in ways.items():
            members = tuple(
                lineage("historic", budget // k, seed, index).model_copy(update=shared)
                if index
                else lineage("historic", budget // k, seed, 0)
                for index in range(k)
            )
            for member in members:
                yield Job(f"e {name} {budget}", member)
            yield Job(f"e {name} {budget}", Panel(members=members))
        fused = lineage("historic", budget // k, seed, 0).model_copy(update={"fused": k})
        yield Job(f"e fused {budget}", fused)
        yield Job(f"e fused {budget}", Panel(members=(fused,)))


def plan() -> Jobs:
    """All of it; a run that several arms need is made once."""
    yield from tuning(6000)
    corpora: tuple[Corpus, ...] = ("historic", "tinyshakespeare")
    for corpus in corpora:
        yield from ensembles(corpus, 6000, (4, 2))
        yield from singles(corpus, 6000)
        splits = ((2, 1500), (3, 1500)) if corpus == "historic" else ((2, 1500),)
        yield from distilled(corpus, 6000, splits)
        if corpus == "historic":
            yield from distilled(corpus, 6000, ((2, 1500),), (0,), trunk=True)
            yield from sweep(6000, 2, 1500)
        yield from mixed(corpus, 6000, 4)
    yield from tuning(24_000)
    yield from ensembles("historic", 24_000, (4,))
    yield from distilled("historic", 24_000, ((2, 6000),))
    yield from singles("historic", 24_000, ("gelu",))
    yield from cheapest_lesson("historic", 6000)
    yield from singles("historic", 3000, ("gelu",))
    yield from cheapest_lesson("historic", 3000)
    yield from cheapest_lesson("tinyshakespeare", 6000)
    yield from truth()
    yield from rankings()
    yield from shares()
    yield from long_sweep()
    yield from long_proxies()
    yield from replicates()
    yield from late_changes()
    yield from ensembles("historic", 6000, (3,))
    yield from diversity(6000, 4)
    yield from noise()


def distinct(jobs: Jobs) -> list[Job]:
    """Every run once, where it is first needed."""
    first: dict[str, Job] = {}
    for job in jobs:
        first.setdefault(job.work.key, job)
    return list(first.values())


def core_hours(work: Work) -> float:
    """Estimated from the measured times of a step and of an evaluation."""
    match work:
        case Panel():
            return 2 * len(work.members) * SECONDS_AN_EVALUATION / 3600
        case Trial():
            return (work.steps * SECONDS_A_STEP + 2 * SECONDS_AN_EVALUATION) / 3600
        case Nulls():
            return work.generations * SECONDS_A_SMALL_GENERATION / 3600
        case Spec():
            evaluations = 1.3 * len(evaluation_steps(work.steps)) * work.fused
            steps = work.steps * work.fused
            seconds = steps * SECONDS_A_STEP + evaluations * SECONDS_AN_EVALUATION
            return seconds / 3600 / (1 if work.shape == Shape() else 3)
        case _:
            assert_never(work)


def _affordable(spec: Spec, left: int) -> int:
    """The most steps whose cost, teachers included, stays within `left`."""
    steps = left
    while steps > 1:
        asked = spec.model_copy(update={"steps": steps})
        over = steps + lesson_cost(asked, TRAIN_TOKENS[spec.corpus]) - left
        if over <= 0:
            break
        steps -= max(1, over // 2)
    return steps


def main() -> None:
    """Print core-hours by arm."""
    totals: dict[str, tuple[int, float]] = {}
    for job in distinct(plan()):
        runs, hours = totals.get(job.arm, (0, 0.0))
        totals[job.arm] = (runs + 1, hours + core_hours(job.work))
    for arm, (runs, hours) in totals.items():
        print(f"| {arm} | {runs} | {hours:.2f} |")
    print(f"| all | | {sum(hours for _, hours in totals.values()):.2f} |")


if __name__ == "__main__":
    main()
