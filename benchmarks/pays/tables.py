"""The tables of the comparison and its verdicts, from what is there.

python -m benchmarks.pays.tables [--scratch FOLDER] [--split search|test]
"""

import argparse
from collections.abc import Iterator, Mapping
from statistics import fmean, stdev

from benchmarks.pays.arms import FIXED, POPULATIONS, population
from benchmarks.pays.figures import (
    accepted_of,
    bits_of,
    blocks_of,
    flops_of,
    formula_of,
    nats_of,
    number,
)
from benchmarks.pays.intervals import paired
from benchmarks.pays.opening import results_to_tell
from benchmarks.pays.place import Place, Result
from benchmarks.pays.plan import SEEDS, distinct, place_arguments, plan, retrained
from benchmarks.pays.specs import SETTINGS, SHORT_OF_STEPS, Spec
from benchmarks.pays.tuning import Results, tuned
from orchestrator.analysis.bootstrap import Interval

Arms = Mapping[str, Mapping[int, Result]]
"""Arm, then seed."""
OURS = "symbio-auto"
DISTILLED = "gelu lineages distilled"


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=("search", "test"), default="search")
    arguments = place_arguments(parser)
    told = results_to_tell(Place(arguments.corpora, arguments.scratch))
    results = {
        key: one for key, one in told.items() if "failed" not in one and arguments.split in one
    }
    for setting in SETTINGS:
        arms = arms_of(setting, results)
        if arms.get(OURS):
            print("\n".join(["", *table(setting, arms, arguments.split)]))
    print("\n".join(["", *accepted_again(results, arguments.split)]))


def arms_of(setting: str, results: Results) -> Arms:
    """What is there of the arms of a setting; a fixed activation is the one that was tuned."""
    asked: dict[str, dict[int, Spec]] = {}
    for seed in SEEDS:
        for name in FIXED:
            asked.setdefault(f"{name}, tuned", {})[seed] = tuned(setting, name, seed, results)
        for arm in POPULATIONS:
            asked.setdefault(arm, {})[seed] = population(setting, arm, seed)
    for spec in distinct(plan(results)):
        if spec.setting == setting and spec.arm not in (*FIXED, *POPULATIONS, "retrained"):
            asked.setdefault(spec.arm, {})[spec.seed] = spec
    return {
        arm: found
        for arm, by_seed in asked.items()
        if (found := {seed: results[s.key] for seed, s in by_seed.items() if s.key in results})
    }


def best_fixed(arms: Arms) -> str:
    """The tuned activation with the fewest bits on the search split over the seeds that we have;
    those with the most of these seeds are asked.
    """
    fixed = [f"{name}, tuned" for name in FIXED if f"{name}, tuned" in arms]
    most = max(len(arms[arm].keys() & arms[OURS].keys()) for arm in fixed)
    whole = [arm for arm in fixed if len(arms[arm].keys() & arms[OURS].keys()) == most]
    return min(whole, key=lambda arm: fmean(bits_of(arms[arm][s]) for s in common(arms, arm, OURS)))


def common(arms: Arms, one: str, other: str) -> list[int]:
    """Seeds of both."""
    return sorted(arms.get(one, {}).keys() & arms.get(other, {}).keys())


def difference(arms: Arms, one: str, other: str, split: str, *, relative: bool) -> Interval | None:
    """Paired by seed; None where they share none."""
    seeds = common(arms, one, other)
    if not seeds:
        return None
    ours, theirs = ([blocks_of(arms[arm][s], split) for s in seeds] for arm in (one, other))
    return paired(ours, theirs, relative=relative)


def table(setting: str, arms: Arms, split: str) -> Iterator[str]:
    """A row an arm, then the verdicts."""
    fixed = any(f"{name}, tuned" in arms for name in FIXED)
    base = best_fixed(arms) if fixed else OURS
    yield f"{setting}: bits per byte on {split}, less {base} on the same seeds"
    yield ""
    yield "| arm | seeds | bits per byte | less | 95 % | percent | TFLOP | minutes | best at |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for arm, by_seed in arms.items():
        yield _row(arms, arm, base, split, list(by_seed.values()))
    yield ""
    yield from verdicts(setting, arms, base, split)


def verdicts(setting: str, arms: Arms, base: str, split: str) -> Iterator[str]:
    """Each bar of the protocol that the arms speak of, with its number."""
    if setting in SHORT_OF_STEPS:
        yield _verdict(
            "best fixed at equal steps, not worse by .5 %", arms, OURS, base, split, 0.005
        )
        return
    yield _verdict("best fixed at equal steps, 3 % below", arms, OURS, base, split, -0.03)
    equal = base.replace(", tuned", " at equal FLOPs")
    yield _verdict("best fixed at equal FLOPs, below", arms, OURS, equal, split, 0.0)
    yield _verdict("lineages distilled, better", arms, OURS, DISTILLED, split, 0.0)
    yield _verdict("random search, better", arms, OURS, "random search", split, 0.0)
    asked = f"evolved activation alone, {ALONE_NATS} nats per token below"
    bar = -ALONE_NATS / fmean(nats_of(one, split) for one in arms[base].values())
    yield _verdict(asked, arms, ALONE, base, split, bar)


ALONE = "evolved activation alone"
ALONE_NATS = 0.003


def _verdict(name: str, arms: Arms, one: str, other: str, split: str, bar: float) -> str:
    """Met where the mean reaches the bar, and the interval ends below it or, of a gain, below 0."""
    found = None if one == other else difference(arms, one, other, split, relative=True)
    if found is None:
        return f"- {name}: not measured"
    met = found.mean <= bar and found.high < max(bar, 0.0)
    seeds = len(common(arms, one, other))
    return (
        f"- {name}: {'met' if met else 'missed'} ({100 * found.mean:+.2f} %, 95 % interval "
        f"{100 * found.low:+.2f} to {100 * found.high:+.2f}, {seeds} seeds, {one} less {other})"
    )


def _row(arms: Arms, arm: str, base: str, split: str, found: list[Result]) -> str:
    bits = [bits_of(one, split) for one in found]
    gap = difference(arms, arm, base, split, relative=False) if arm != base else None
    share = difference(arms, arm, base, split, relative=True) if arm != base else None
    spread = f" ± {stdev(bits):.4f}" if len(bits) > 1 else ""
    compared = " | | "
    if gap is not None and share is not None:
        compared = f"{gap.mean:+.4f} | {gap.low:+.4f} to {gap.high:+.4f} | {100 * share.mean:+.2f}"
    work = fmean(flops_of(one) for one in found) / 1e12
    minutes = fmean(number(one, "wall_seconds") for one in found) / 60
    shares = [place for one in found if (place := best_share(one)) is not None]
    best = f"{100 * fmean(shares):.0f} %" if shares else ""
    return (
        f"| {arm} | {len(bits)} | {fmean(bits):.4f}{spread} | {compared} "
        f"| {work:.1f} | {minutes:.0f} | {best} |"
    )


def best_share(result: Result) -> float | None:
    """Of its steps, where a model that trained straight was best; None for a population."""
    if "evaluated" in result:
        return None
    return number(result, "best_age") / number(result, "member_steps")


def accepted_again(results: Results, split: str) -> Iterator[str]:
    """How many accepted activations are better than their champion from scratch too."""
    for setting in SETTINGS:
        kept = tried = 0
        for seed in SEEDS:
            ours = results.get(population(setting, OURS, seed).key)
            specs = retrained(setting, results, (seed,))
            made = [results[spec.key] for spec in specs if spec.key in results]
            again = {formula_of(one): one for one in made}
            for formula, champion in accepted_of(ours) if ours else []:
                if formula in again and champion in again:
                    tried += 1
                    kept += bits_of(again[formula], split) < bits_of(again[champion], split)
        if tried:
            yield f"{setting}: {kept} of {tried} accepted activations are better from scratch"


if __name__ == "__main__":
    main()
