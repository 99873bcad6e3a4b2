"""The study's tables, from what was gathered.

python -m benchmarks.study.tables [--scratch FOLDER]
"""

import argparse
from collections import defaultdict
from pathlib import Path
from statistics import fmean, stdev

from benchmarks.study.collect import Result, all_results
from benchmarks.study.jobs import Job
from benchmarks.study.plan import distinct, plan
from benchmarks.study.specs import Panel, Spec


def main() -> None:
    """Print what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("runs/study"))
    arguments = parser.parse_args()
    results = all_results(arguments.scratch)
    for title, rows in (("A. Merging", merging(results)), ("Sweeps", sweeps(results))):
        print(f"\n{title}\n")
        print("\n".join(rows))


def merging(results: dict[str, Result]) -> list[str]:
    """One row an arm: mean bits per byte, paired difference to the single model, gain."""
    single, arms = finals(results)
    rows = [
        "| corpus | budget | arm | seeds | bits/byte | minus a | members | gain | disagreement |"
    ]
    rows.append("|---|---|---|---|---|---|---|---|---|")
    for (corpus, budget, arm), by_seed in arms.items():
        differences = [
            number(one, "bits_per_byte") - single[corpus, budget, seed]
            for seed, one in by_seed.items()
            if (corpus, budget, seed) in single
        ]
        rows.append(
            f"| {corpus} | {budget} | {arm} | {len(by_seed)} "
            f"| {spread([number(one, 'bits_per_byte') for one in by_seed.values()])} "
            f"| {spread(differences, signed=True)} | {panel_columns(list(by_seed.values()))} |"
        )
    return rows


Finals = dict[tuple[str, int, str], dict[int, Result]]


def finals(results: dict[str, Result]) -> tuple[dict[tuple[str, int, int], float], Finals]:
    """Arm a by corpus, budget and seed; every arm's final figures by seed."""
    single: dict[tuple[str, int, int], float] = {}
    arms: Finals = defaultdict(dict)
    for job in plan():
        result = results.get(job.work.key)
        if result is None or not is_final(job):
            continue
        corpus, seed, budget = where(job)
        arms[corpus, budget, name_of(job)].setdefault(seed, result)
        if job.arm == f"a gelu {budget}":
            single[corpus, budget, seed] = number(result, "bits_per_byte")
    return single, arms


def is_final(job: Job) -> bool:
    """The job's figure is its arm's, not one of a member's."""
    letter = job.arm[0]
    if job.arm.split()[0] not in {"a", "b", "c", "d", "e"}:
        return False
    if isinstance(job.work, Spec):
        return letter == "a" or (letter == "c" and is_host(job))
    return isinstance(job.work, Panel)


def is_host(job: Job) -> bool:
    """The host of an arm that merges."""
    return isinstance(job.work, Spec) and job.work.parent is not None


def name_of(job: Job) -> str:
    """The arm, hosts told from the ensembles that taught them."""
    words = job.arm.split()[:-1]
    return " ".join(words) + (" host" if is_host(job) else "")


def budget_of(job: Job) -> int:
    """The last word of an arm."""
    return int(job.arm.split()[-1])


def where(job: Job) -> tuple[str, int, int]:
    """Corpus, seed and budget."""
    work = job.work
    assert isinstance(work, Spec | Panel)
    first = work.members[0] if isinstance(work, Panel) else work
    return first.corpus, first.seed, budget_of(job)


def sweeps(results: dict[str, Result]) -> list[str]:
    """The tuning runs and the lessons, one line each."""
    rows = []
    for job in distinct(plan()):
        result = results.get(job.work.key)
        if result is not None and job.arm.split()[0] in {"tuning", "sweep"}:
            assert isinstance(job.work, Spec)
            rows.append(
                f"{job.arm:20} {describe(job.work):60} {number(result, 'bits_per_byte'):.4f} "
                f"(raw {number(result, 'raw_bits_per_byte'):.4f}, "
                f"best at {result['best_step']} of {job.work.steps})"
            )
    return rows


def describe(spec: Spec) -> str:
    """What distinguishes a run of a sweep."""
    lesson = spec.lesson
    parts = [spec.corpus, f"dropout {spec.dropout}", f"wd {spec.weight_decay}", f"x{spec.rate}"]
    parts += [f"decay from {spec.decay_from}"] if spec.decay_from != 0.4 else []
    if lesson:
        parts = [f"w {lesson.weight}", f"T {lesson.temperature}", lesson.source]
        parts += [] if lesson.overlap else ["no overlap"]
    return ", ".join([*parts, "warm" if spec.parent else "fresh"])


def panel_columns(found: list[Result]) -> str:
    """Mean of the members, gain over the best of them, disagreement; empty for single models."""
    panels = [one for one in found if isinstance(one.get("members"), list)]
    if not panels:
        return " | | "
    members = [[float(str(bits)) for bits in listed(one)] for one in panels]
    gains = [
        min(bits) - number(one, "bits_per_byte") for bits, one in zip(members, panels, strict=True)
    ]
    disagreement = fmean(number(one, "disagreement") for one in panels)
    return f"{fmean(map(fmean, members)):.4f} | {fmean(gains):.4f} | {disagreement:.3f}"


def listed(one: Result) -> list[float]:
    """The members' bits per byte."""
    members = one["members"]
    assert isinstance(members, list)
    return [float(str(bits)) for bits in members]


def number(result: Result, name: str) -> float:
    """A figure of a result."""
    value = result[name]
    assert isinstance(value, int | float)
    return float(value)


def spread(values: list[float], signed: bool = False) -> str:
    """Mean and standard deviation."""
    if not values:
        return ""
    sign = "+" if signed else ""
    deviation = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return f"{fmean(values):{sign}.4f}{deviation}"


if __name__ == "__main__":
    main()
