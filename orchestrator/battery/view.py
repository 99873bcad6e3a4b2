"""What `symbio-auto battery` shows: a report of the inference battery as text or as JSON."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from textwrap import wrap
from typing import NamedTuple

from pydantic import JsonValue

from inference_battery.intervals import MIN_PROMPTS, Interval
from inference_battery.score import best_and_worst
from inference_battery.weights import WEIGHTS
from orchestrator.report.escape import visible
from orchestrator.report.quantities import bpb, count
from orchestrator.report.wording import counted
from state.records import BatteryReport, ProbeScore, Sample

WIDTH = 100
NUM_SHOWN = 3
"""Samples at either end."""
NAMES = {"bits_per_byte": "bits per byte", "calibration_error": "calibration error"}


class Comparison(NamedTuple):
    """Another run's model, asked and judged as this one."""

    run: str
    report: BatteryReport
    difference: Interval | None
    """Of the composites; positive where this run's is higher. None where there was too little to go
    by.
    """
    same_corpus: bool
    same_tokenizer: bool


def as_json(report: BatteryReport, comparison: Comparison | None = None) -> dict[str, JsonValue]:
    """For programs."""
    shown: dict[str, JsonValue] = {
        "composite": report.composite,
        "interval": list(report.interval or ()),
        "version": report.version,
        "memorised": report.memorised,
        "probes": {
            probe.name: {
                "score": probe.score,
                "weight": WEIGHTS[probe.name],
                "temperatures": dict(_temperatures(probe)),
            }
            for probe in report.probes
        },
        "beside": dict(report.beside),
        "tokens_per_sec": report.tokens_per_sec,
        "prompts": by_prompt(report.samples),
        "samples": [one.model_dump(mode="json") for one in report.samples],
    }
    return shown if comparison is None else {**shown, "compare": _compared(report, comparison)}


def as_text(report: BatteryReport, comparison: Comparison | None = None) -> str:
    """For people, in lines of at most `WIDTH` columns."""
    parts = [_headline(report), _probes(report), _beside(report)]
    if comparison is not None:
        parts.append(_comparison(report, comparison))
    best, worst = best_and_worst(report.samples, NUM_SHOWN)
    parts += [_samples(title, some) for title, some in (("best", best), ("worst", worst)) if some]
    return "\n\n".join("\n".join(part) for part in parts)


def by_prompt(samples: Sequence[Sample]) -> list[JsonValue]:
    """Each prompt with the mean score of what was written to it, in the order of asking."""
    scores: dict[tuple[str, str], list[float]] = {}
    for one in samples:
        scores.setdefault((one.kind, one.prompt), []).append(one.score or 0.0)
    return [
        {"prompt": prompt, "kind": kind, "score": fmean(found)}
        for (kind, prompt), found in scores.items()
    ]


def _compared(report: BatteryReport, other: Comparison) -> dict[str, JsonValue]:
    return {
        "run": other.run,
        "composite": other.report.composite,
        "difference": None if other.difference is None else dict(other.difference._asdict()),
        "probes": {name: ours - theirs for name, ours, theirs in _pairs(report, other.report)},
        "paired": report.asked == other.report.asked,
        "same_corpus": other.same_corpus,
        "same_tokenizer": other.same_tokenizer,
    }


def _headline(report: BatteryReport) -> list[str]:
    between = ""
    if report.interval is not None:
        between = f", 95 % interval {report.interval[0]:.3f} to {report.interval[1]:.3f}"
    lines = [
        f"composite {report.composite:.3f}{between} "
        f"({counted(len(report.samples), 'sample')}, version {report.version})"
    ]
    if report.memorised:
        lines.append("recites its train text: more than half of what it wrote is copied from it")
    return lines


def _probes(report: BatteryReport) -> list[str]:
    found = {probe.name: dict(_temperatures(probe)) for probe in report.probes}
    heats = sorted({heat for one in found.values() for heat in one}, key=float)
    # What does not fit is in the JSON.
    heats = heats[: (WIDTH - 34) // 9]
    rows = [f"{'probe':18}{'score':>8}{'weight':>8}" + "".join(f"{f'at {h}':>9}" for h in heats)]
    for probe in report.probes:
        cells = [found[probe.name].get(heat) for heat in heats]
        shown = "".join(f"{'-' if cell is None else f'{cell:.3f}':>9}" for cell in cells)
        rows.append(f"{probe.name:18}{probe.score:8.3f}{WEIGHTS[probe.name]:8.3f}{shown}")
    return rows


def _beside(report: BatteryReport) -> list[str]:
    values = {NAMES.get(name, name): bpb(value) for name, value in report.beside.items()}
    values["tokens/s"] = count(report.tokens_per_sec)
    return ["beside it", *(f"  {name:18} {value}" for name, value in values.items())]


def _comparison(report: BatteryReport, other: Comparison) -> list[str]:
    lines = [
        *_wrapped(f"compared with {_line(other.run)}, composite {other.report.composite:.3f}"),
        *_wrapped(_verdict(other), "  "),
    ]
    if not other.same_corpus:
        lines.append("  the corpora differ; both are asked and judged by the text of this run")
    if not other.same_tokenizer:
        lines.append(
            "  the tokenizers differ: the same number of tokens is not the same length of text"
        )
    lines.append(f"{'probe':18}{'this':>8}{'other':>8}{'difference':>12}")
    return lines + [
        f"{name:18}{ours:8.3f}{theirs:8.3f}{ours - theirs:+12.3f}"
        for name, ours, theirs in _pairs(report, other.report)
    ]


def _verdict(other: Comparison) -> str:
    found = other.difference
    if found is None:
        return (
            f"nothing can be said of the difference: it takes {MIN_PROMPTS} prompts and as many "
            "held-out openings"
        )
    numbers = f"difference {found.mean:+.3f}, 95 % interval {found.low:+.3f} to {found.high:+.3f}"
    if found.low > 0:
        return f"this run is better: {numbers}"
    if found.high < 0:
        return f"the other run is better: {numbers}"
    return f"not shown to differ: {numbers}"


def _samples(title: str, samples: Sequence[Sample]) -> list[str]:
    lines = [f"the {title} {'sample' if len(samples) == 1 else 'samples'}"]
    for one in samples:
        ended = "" if one.ended else ", cut off"
        lines.append(f"  {one.score or 0.0:.3f} at temperature {one.temperature:g}{ended}")
        lines.append(_shortened(f"    > {_line(one.prompt)}"))
        lines += _wrapped(_line(one.text) or "(nothing)", "      ")
    return lines


def _temperatures(probe: ProbeScore) -> Iterator[tuple[str, float]]:
    for name, score in probe.detail.items():
        yield name.removeprefix("temperature_"), score


def _pairs(ours: BatteryReport, theirs: BatteryReport) -> Iterator[tuple[str, float, float]]:
    """Name and both scores of every probe that both have."""
    others = {probe.name: probe.score for probe in theirs.probes}
    for probe in ours.probes:
        if probe.name in others:
            yield probe.name, probe.score, others[probe.name]


def _line(text: str) -> str:
    return " ".join(visible(text).split())


def _shortened(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."


def _wrapped(text: str, indent: str = "") -> list[str]:
    return wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)
