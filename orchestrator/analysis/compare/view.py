"""What `symbio-auto compare` shows, as text or as JSON."""

import json
from collections.abc import Sequence

from pydantic import JsonValue

from orchestrator.analysis.compare.fact_rows import facts_of
from orchestrator.analysis.compare.facts import RunFacts
from orchestrator.analysis.compare.pairing import loss_of
from orchestrator.analysis.compare.seed_groups import SeedGroup
from orchestrator.analysis.compare.settings_diff import differences
from orchestrator.analysis.compare.table import Fact, cut, laid_out, one_line, wrapped
from orchestrator.analysis.compare.verdict import Standing, Verdict
from orchestrator.report.quantities import bpb, signed
from orchestrator.report.wording import listed
from state.records import BatteryReport

MAX_NAME, MAX_VALUE = 30, 60
FACTS_ABOVE = {"seed", "run_dir"}
"""Settings that the reader has seen already."""
VERDICTS = {"better": "better", "worse": "shown", "no": "not shown"}


def as_text(
    runs: Sequence[RunFacts], verdict: Verdict, again: Verdict | None = None, *, everything: bool
) -> str:
    """For people, in lines of at most 100 columns; `everything` shows equal rows too."""
    names, facts = [run.name for run in runs], facts_of(runs)
    shown = [fact for fact in facts if fact.differs or everything]
    parts = [
        laid_out(names, shown),
        _equal([fact for fact in facts if fact not in shown]),
        _settings(runs),
        *(_standings(one) for one in (verdict, again) if one is not None),
        _groups(verdict.groups),
        _sentences(verdict, again),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def as_json(
    runs: Sequence[RunFacts], verdict: Verdict, again: Verdict | None = None
) -> dict[str, JsonValue]:
    """For programs: every fact, the settings that differ, the verdict."""
    different = differences([run.settings for run in runs])
    shown: dict[str, JsonValue] = {
        "runs": [_run(run) for run in runs],
        "settings": {one.path: list(one.values) for one in different},
        "verdict": _judged(verdict),
    }
    return shown if again is None else {**shown, "measured": _judged(again)}


def _run(run: RunFacts) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = run.model_dump(
        mode="json", exclude={"battery", "search", "test", "settings"}
    )
    for name, found in (("search", run.search), ("test", run.test)):
        shown[name] = None if found is None else loss_of(found.blocks).model_dump(mode="json")
    shown["battery"] = None if run.battery is None else _battery(run.battery)
    return shown


def _battery(report: BatteryReport) -> dict[str, JsonValue]:
    return {
        "composite": report.composite,
        "interval": list(report.interval or ()),
        "version": report.version,
        "phase": report.phase,
    }


def _judged(verdict: Verdict) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = verdict.model_dump(mode="json", exclude={"groups"})
    shown["groups"] = [
        {**one.model_dump(mode="json"), "mean": one.mean, "deviation": one.deviation}
        for one in verdict.groups
    ]
    return shown


def _equal(facts: Sequence[Fact]) -> list[str]:
    """What is the same in all runs, in one paragraph."""
    if not facts:
        return []
    parts = [f"{fact.label.strip()} {one_line(fact.values[0])}" for fact in facts]
    return wrapped(f"the same in all: {'; '.join(parts)}")


def _settings(runs: Sequence[RunFacts]) -> list[str]:
    found = [
        one for one in differences([run.settings for run in runs]) if one.path not in FACTS_ABOVE
    ]
    if not found:
        return ["every setting is the same"]
    facts = [
        Fact(one.path, tuple(cut(_spelled(v), MAX_VALUE) for v in one.values)) for one in found
    ]
    return ["settings that differ", *laid_out([run.name for run in runs], facts)]


def _spelled(value: JsonValue) -> str:
    if value in (None, [], {}):
        return "none"
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def _standings(verdict: Verdict) -> list[str]:
    """Every run against the best; two runs need no table."""
    if len(verdict.standings) < 3:
        return []
    width = min(MAX_NAME, max(len(one_line(one.run)) for one in verdict.standings))
    level = next(
        (
            f"{100 * one.difference.interval.level:.4g} % "
            for one in verdict.standings
            if one.difference and one.difference.interval
        ),
        "",
    )
    head = f"{'run':{width}}  {'bits/byte':>9}  {'to the best':>11}  {level}interval"
    rows = [_standing(one, width) for one in verdict.standings]
    return [
        f"bits per byte of the {verdict.source} text, the level allowing for all pairs",
        head,
        *rows,
    ]


def _standing(one: Standing, width: int) -> str:
    start = f"{cut(one_line(one.run), width):{width}}  {bpb(one.loss.bits_per_byte):>9}"
    gap = one.difference
    if gap is None:
        return f"{start}  {'-':>11}"
    start = f"{start}  {signed(gap.bits_per_byte):>11}"
    if gap.interval is None:
        return f"{start}  not paired, {VERDICTS[gap.shown]}"
    between = f"{signed(gap.interval.low)} to {signed(gap.interval.high)}"
    return f"{start}  {between}, {VERDICTS[gap.shown]}"


def _groups(groups: Sequence[SeedGroup]) -> list[str]:
    """Runs of equal settings with mean and spread over seeds."""
    if not groups:
        return []
    lines = ["runs of equal settings, mean and standard deviation over seeds"]
    for group in groups:
        spread = "" if group.deviation is None else f" +- {bpb(group.deviation)}"
        seeds = listed([str(seed) for seed in sorted(group.bits_by_seed)])
        noun = "seed" if len(group.bits_by_seed) == 1 else "seeds"
        name = f" {one_line(group.settings)}" if group.settings else ""
        lines += wrapped(
            f"{group.letter}{name}: {bpb(group.mean)}{spread} ({noun} {seeds}: "
            f"{one_line(listed(group.runs))})",
            "     ",
            "  ",
        )
    return lines


def _sentences(verdict: Verdict, again: Verdict | None) -> list[str]:
    lines = wrapped(one_line(" ".join(verdict.sentences)))
    if again is not None:
        lines += wrapped(one_line(f"Measured again: {' '.join(again.sentences)}"))
    return lines
