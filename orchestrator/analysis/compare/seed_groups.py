"""Runs of equal settings, and whether one setting is better than another over seeds.

A paired interval over text says which of two models is better. Whether their settings are takes
several seeds of each: the difference of each seed's two runs, and a t interval of their mean.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Literal

from orchestrator.analysis.bootstrap import LEVEL, Interval
from orchestrator.analysis.compare.facts import RunFacts
from orchestrator.analysis.compare.settings_diff import differences, equal_but_for_the_seed
from state.base import Record

MIN_PAIRS = 3
MAX_NAMED = 2
"""Settings that a group is named after; more are too many for a line."""


class SeedGroup(Record):
    """Runs that differ by seed alone."""

    letter: str
    settings: str
    """What tells it from the other groups; empty where that is too much for a line."""
    runs: tuple[str, ...]
    bits_by_seed: dict[int, float]
    """Of each seed's first run; a second one is the same run again."""

    @property
    def mean(self) -> float:
        """Bits per byte."""
        return fmean(self.bits_by_seed.values())

    @property
    def deviation(self) -> float | None:
        """Standard deviation over seeds; None for a single one."""
        values = list(self.bits_by_seed.values())
        return stdev(values) if len(values) > 1 else None


class GroupDifference(Record):
    """How much more one group needs than the other: positive is worse."""

    group: str
    against: str
    pairs: int
    bits_per_byte: float | None
    """Mean over the seeds that both have; None where they share none."""
    interval: Interval | None
    """None for fewer than three pairs."""
    shown: Literal["better", "worse", "no"]


def seed_groups(runs: Sequence[RunFacts], bits: Mapping[str, float]) -> list[SeedGroup]:
    """The groups in the order of their first run; `bits` has each run's result by its name."""
    members: list[list[RunFacts]] = []
    for run in runs:
        same = next((group for group in members if _same(group[0], run)), None)
        if same is None:
            members.append([run])
        else:
            same.append(run)
    names = _named([group[0] for group in members])
    return [
        SeedGroup(
            letter=_letter(index),
            settings=name,
            runs=tuple(run.name for run in group),
            bits_by_seed={run.seed: bits[run.name] for run in reversed(group)},
        )
        for index, (group, name) in enumerate(zip(members, names, strict=True))
    ]


def against_the_best(groups: Sequence[SeedGroup]) -> list[GroupDifference]:
    """Every other group against the one with the lowest mean, the levels allowing for all pairs."""
    best = min(groups, key=lambda group: group.mean)
    num_pairs = len(groups) * (len(groups) - 1) // 2
    return [_difference(one, best, num_pairs) for one in groups if one is not best]


def _difference(group: SeedGroup, best: SeedGroup, num_pairs: int) -> GroupDifference:
    seeds = sorted(group.bits_by_seed.keys() & best.bits_by_seed.keys())
    gaps = [group.bits_by_seed[seed] - best.bits_by_seed[seed] for seed in seeds]
    interval = t_interval(gaps, 1 - (1 - LEVEL) / num_pairs) if len(gaps) >= MIN_PAIRS else None
    sign = interval.sign if interval else 0
    return GroupDifference(
        group=group.letter,
        against=best.letter,
        pairs=len(gaps),
        bits_per_byte=fmean(gaps) if gaps else None,
        interval=interval,
        shown="worse" if sign > 0 else "better" if sign < 0 else "no",
    )


def t_interval(values: Sequence[float], level: float) -> Interval:
    """Of the mean of at least two independent values."""
    # Imported late: it takes a second, and only groups of seeds need it.
    from scipy.stats import t

    mean, error = fmean(values), stdev(values) / len(values) ** 0.5
    reach = float(t.ppf((1 + level) / 2, len(values) - 1)) * error
    return Interval(mean=mean, low=mean - reach, high=mean + reach, level=level)


def _same(one: RunFacts, other: RunFacts) -> bool:
    same_text = one.manifest.inputs_sha256 == other.manifest.inputs_sha256
    # A fork that has not spent its budget yet is no second run of its setting.
    return (
        same_text
        and one.spent == other.spent
        and equal_but_for_the_seed(one.settings, other.settings)
    )


def _named(first: Sequence[RunFacts]) -> list[str]:
    """What tells the groups apart, for each."""
    found = differences([run.settings for run in first], of_the_result=True)
    if not 1 <= len(found) <= MAX_NAMED:
        return [""] * len(first)
    return [
        ", ".join(f"{one.path} {one.values[index]}" for one in found) for index in range(len(first))
    ]


def _letter(index: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[index]
