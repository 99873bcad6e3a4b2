"""Which run is better in bits per byte, and whether that is shown."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from orchestrator.analysis.bootstrap import Interval
from orchestrator.analysis.compare.facts import RunFacts
from orchestrator.analysis.compare.pairing import Blocks, Difference, Loss, difference, loss_of
from orchestrator.analysis.compare.seed_groups import (
    GroupDifference,
    SeedGroup,
    against_the_best,
    seed_groups,
)
from orchestrator.report.quantities import bpb, signed
from orchestrator.report.wording import counted, listed
from state.base import Record
from state.records import Evaluation

Source = Literal["test", "search", "search, measured again"]


class Standing(Record):
    """One run against the best."""

    run: str
    loss: Loss
    difference: Difference | None
    """To the best run; None for itself."""


class Verdict(Record):
    """What can be said of the runs' losses."""

    source: Source | None
    """The text that they are compared on; None where they are not."""
    standings: tuple[Standing, ...] = ()
    """Best first."""
    groups: tuple[SeedGroup, ...] = ()
    """Empty where no two runs have equal settings."""
    group_differences: tuple[GroupDifference, ...] = ()
    sentences: tuple[str, ...]


class Compared(NamedTuple):
    """Losses on one text."""

    source: Source
    blocks: Mapping[str, Blocks]
    """By the name of the run."""
    remark: str = ""
    """Why it is this text."""


NOT_MEASURED = Verdict(
    source=None,
    sentences=("nothing, since the search text is not the same bytes in all runs.",),
)


def judge(runs: Sequence[RunFacts], measured: Mapping[str, Blocks] | None = None) -> Verdict:
    """The verdict; `measured` are losses of the search split that were taken again."""
    compared, refusal = _comparable(runs, measured)
    if compared is None:
        return Verdict(source=None, sentences=(refusal,))
    standings = _standings(compared)
    bits = {one.run: one.loss.bits_per_byte for one in standings}
    groups = seed_groups(runs, bits)
    several = any(len(group.runs) > 1 for group in groups)
    against = against_the_best(groups) if several and len(groups) > 1 else []
    sentences = [_of_models(compared, standings)]
    if measured is None:
        sentences += [_of_group(one, groups) for one in against]
    if not several and measured is None:
        sentences.append(ONE_SEED)
    sentences += _unequal_budgets(runs) if measured is None else []
    sentences += [compared.remark] if compared.remark else []
    return Verdict(
        source=compared.source,
        standings=standings,
        groups=tuple(groups) if several else (),
        group_differences=tuple(against),
        sentences=tuple(sentences),
    )


def _comparable(
    runs: Sequence[RunFacts], measured: Mapping[str, Blocks] | None
) -> tuple[Compared | None, str]:
    """What the runs are compared on, or why they are not."""
    if measured is not None:
        return Compared("search, measured again", measured, STEERED), ""
    tests = _evaluations(runs, "test")
    if tests is not None and _same_text(runs, "test"):
        return Compared("test", {name: one.blocks for name, one in tests.items()}), ""
    searches = _evaluations(runs, "search")
    if tests is None and searches is not None and _same_text(runs, "search"):
        remark = f"{_untested(runs)}, so this is the search split. {STEERED}"
        return Compared("search", {name: one.blocks for name, one in searches.items()}, remark), ""
    return None, _refusal(runs, tested=tests is not None)


ONE_SEED = (
    "One seed of each: this tells these models apart, not their settings; three seeds of each "
    "would."
)
STEERED = (
    "Every decision of a run is made on its search split, so the more it has decided the more it "
    "flatters itself there."
)


def _evaluations(runs: Sequence[RunFacts], split: str) -> dict[str, Evaluation] | None:
    """By run; None where one has none."""
    found = {run.name: run.test if split == "test" else run.search for run in runs}
    known = {name: one for name, one in found.items() if one is not None}
    return known if len(known) == len(found) else None


def _same_text(runs: Sequence[RunFacts], split: Literal["test", "search"]) -> bool:
    return len({run.text_sha256(split) for run in runs}) == 1


def _untested(runs: Sequence[RunFacts]) -> str:
    names = [run.name for run in runs if run.test is None]
    verb = "has" if len(names) == 1 else "have"
    return f"{listed(names)} {verb} no test figure"


def _refusal(runs: Sequence[RunFacts], *, tested: bool) -> str:
    """Why nothing can be said."""
    lead = "Bits per byte cannot be compared"
    if not tested:
        without = [run.name for run in runs if run.search is None]
        if without:
            verb = "has" if len(without) == 1 else "have"
            return f"{lead}: {listed(without)} {verb} kept no model yet."
    split: Literal["test", "search"] = "test" if tested else "search"
    groups: dict[str, list[str]] = {}
    for run in runs:
        digest = run.text_sha256(split) or "none"
        groups.setdefault(digest[:8], []).append(run.name)
    texts = "; ".join(f"{listed(names)} {digest}" for digest, names in groups.items())
    return (
        f"{lead}: the {split} text is not the same bytes ({texts}), and how many bits a byte takes "
        "depends on the text."
    )


def _standings(compared: Compared) -> tuple[Standing, ...]:
    losses = {name: loss_of(blocks) for name, blocks in compared.blocks.items()}
    order = sorted(losses, key=lambda name: losses[name].bits_per_byte)
    best, num_pairs = order[0], len(order) * (len(order) - 1) // 2
    return tuple(
        Standing(
            run=name,
            loss=losses[name],
            difference=None
            if name == best
            else difference(compared.blocks[name], compared.blocks[best], num_pairs),
        )
        for name in order
    )


def _unequal_budgets(runs: Sequence[RunFacts]) -> list[str]:
    """Who had how many steps, where that is not the same."""
    groups: dict[int, list[str]] = {}
    for run in runs:
        groups.setdefault(run.spent, []).append(run.name)
    if len(groups) == 1:
        return []
    parts = [f"{listed(names)} {counted(steps, 'step')}" for steps, names in groups.items()]
    return [f"They had not the same budget: {'; '.join(parts)}."]


def _of_models(compared: Compared, standings: Sequence[Standing]) -> str:
    """The best model, against whom it is shown to be better and against whom not."""
    best, others = standings[0], standings[1:]
    text = f"the {compared.source.partition(',')[0]} text"
    shown = [one for one in others if one.difference and one.difference.shown == "worse"]
    if len(others) == 1:
        (other,) = others
        assert other.difference is not None
        gap, between = other.difference, _between(other.difference)
        if shown:
            return (
                f"{best.run} is better than {other.run} by {bpb(gap.bits_per_byte)} bits per byte "
                f"of {text}: shown ({between})."
            )
        return (
            f"Not shown that one is better: {best.run} is {bpb(gap.bits_per_byte)} bits per byte "
            f"of {text} below {other.run} ({between})."
        )
    lead = f"{best.run} has the fewest bits per byte of {text}, {bpb(best.loss.bits_per_byte)}"
    rest = [one.run for one in others if one not in shown]
    parts = [f"shown to be better than {listed([one.run for one in shown])}"] if shown else []
    parts += [f"not shown to be better than {listed(rest)}"] if rest else []
    return f"{lead}: {'; '.join(parts)}."


def _between(gap: Difference) -> str:
    if gap.interval is None:
        if gap.shown != "no":
            return "the two intervals lie apart"
        return (
            f"stretches of text that end together in both: {gap.stretches}, too few for an "
            "interval of the difference, and intervals that overlap show nothing; --measure pairs "
            "them on the search split"
        )
    return f"{interval_text(gap.interval)}, paired over {gap.stretches} stretches"


def interval_text(interval: Interval) -> str:
    """`95 % interval +0.0310 to +0.0381`."""
    level = f"{100 * interval.level:.3g}".rstrip(".")
    return f"{level} % interval {signed(interval.low)} to {signed(interval.high)}"


def _of_group(found: GroupDifference, groups: Sequence[SeedGroup]) -> str:
    """One setting against the best one, over seeds."""
    names = {group.letter: _group_name(group) for group in groups}
    ours, best = names[found.group], names[found.against]
    if found.bits_per_byte is None:
        return f"{best} and {ours} share no seed, so they have no pairs; give both the same seeds."
    pairs = f"{counted(found.pairs, 'pair')} of equal seeds"
    if found.interval is None:
        return (
            f"Too few seeds to say which is better: over {pairs} {best} needs "
            f"{signed(-found.bits_per_byte)} against {ours}; three of each would tell."
        )
    numbers = f"by {signed(found.bits_per_byte)} over {pairs} ({interval_text(found.interval)})"
    if found.shown == "worse":
        return f"{ours} is worse than {best} {numbers}."
    return f"{ours} is not shown to differ from {best}: {numbers}."


def _group_name(group: SeedGroup) -> str:
    return f"{group.letter} ({group.settings})" if group.settings else group.letter
