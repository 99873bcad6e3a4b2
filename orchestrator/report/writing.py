"""The report's section on what the model writes: the batteries of the run side by side."""

from collections.abc import Iterator, Sequence

from inference_battery.score import best_and_worst
from orchestrator.report.escape import block, code, inline, table
from orchestrator.report.quantities import bpb, count
from state.records import BatteryReport, Sample

NUM_SHOWN = 2
"""Samples at either end of the scores."""


def writing(batteries: Sequence[BatteryReport]) -> str:
    """A row a probe, a column a battery; then the best and the worst that the last one read."""
    if not batteries:
        return "The battery did not run."
    last = batteries[-1]
    header = ["", *(_title(one, last) for one in batteries)]
    parts = [table(header, _rows(batteries)), *_warnings(last), *_shown(last.samples)]
    return "\n\n".join(parts)


def _title(one: BatteryReport, last: BatteryReport) -> str:
    whole = one is last and len(one.samples) > len(one.kinds) > 0
    return f"{one.phase}, at the end" if whole else one.phase


def _rows(batteries: Sequence[BatteryReport]) -> Iterator[list[str]]:
    yield ["**composite**", *(f"**{one.composite:.3f}**" for one in batteries)]
    yield ["its 95 % interval", *(_interval(one) for one in batteries)]
    for name in dict.fromkeys(probe.name for one in batteries for probe in one.probes):
        scores = [{p.name: f"{p.score:.3f}" for p in one.probes} for one in batteries]
        yield [inline(name.replace("_", " ")), *(found.get(name, "-") for found in scores)]
    for title, name in (("bits per byte", "bits_per_byte"), ("calibration", "calibration_error")):
        if any(name in one.beside for one in batteries):
            yield [f"*{title}*", *(_beside(one, name) for one in batteries)]
    yield ["samples", *(str(len(one.samples)) for one in batteries)]
    yield ["tokens/s", *(count(one.tokens_per_sec) for one in batteries)]


def _interval(one: BatteryReport) -> str:
    return f"{one.interval[0]:.3f} to {one.interval[1]:.3f}" if one.interval else "-"


def _beside(one: BatteryReport, name: str) -> str:
    value = one.beside.get(name)
    return "-" if value is None else bpb(value) if name == "bits_per_byte" else f"{value:.3f}"


def _warnings(last: BatteryReport) -> list[str]:
    if not last.memorised:
        return []
    return ["**The model recites its train text**: more than half of what it wrote is copied."]


def _shown(samples: Sequence[Sample]) -> Iterator[str]:
    """The best and the worst; a report without scores shows the first."""
    scored = [one for one in samples if one.score is not None and one.kind == "plain"]
    if not scored:
        yield from (_sample(one, "") for one in samples[: 2 * NUM_SHOWN])
        return
    best, worst = best_and_worst(scored, min(NUM_SHOWN, len(scored) // 2) or 1)
    yield from (_sample(one, "Among the best, ") for one in best)
    yield from (_sample(one, "Among the worst, ") for one in reversed(worst))


def _sample(one: Sample, where: str) -> str:
    end = "the model ended it" if one.ended else "cut at the limit"
    score = "" if one.score is None else f"{one.score:.2f}, "
    at = "at" if where else "At"
    title = f"{where}{score}{at} temperature {one.temperature:g}, after {code(one.prompt)} ({end}):"
    return f"{title}\n\n{block(one.text)}"
