"""What `symbio-auto diagnose` shows, as text or as JSON."""

from collections.abc import Sequence

from pydantic import JsonValue

from orchestrator.analysis.compare.table import cut, one_line, wrapped
from orchestrator.analysis.diagnose.inside_view import (
    components,
    heads,
    layers,
    memory,
    units,
    weights,
)
from orchestrator.analysis.diagnose.record import (
    Calibration,
    Diagnosis,
    Estimate,
    Finding,
    Needle,
    Surprise,
)
from orchestrator.report.escape import visible
from orchestrator.report.quantities import bpb, signed

MAX_RUN = 40


def as_json(taken: Diagnosis) -> dict[str, JsonValue]:
    """For programs: the whole record."""
    shown: dict[str, JsonValue] = taken.model_dump(mode="json")
    return shown


def as_text(taken: Diagnosis) -> str:
    """For people, in lines of at most 100 columns, the findings last."""
    parts = [
        _head(taken),
        _context(taken),
        _positions(taken),
        _calibration(taken.calibration),
        _kinds(taken),
        _surprises(taken.surprises),
        _influence(taken),
        _needle(taken.needle),
        layers(taken),
        components(taken),
        units(taken),
        heads(taken),
        weights(taken),
        memory(taken.memory),
        _findings(taken.findings),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(taken: Diagnosis) -> list[str]:
    subject, both = taken.subject, taken.overall
    title = (
        f"{cut(one_line(subject.run), MAX_RUN)}: {one_line(subject.formula)}, "
        f"{subject.parameters:,} parameters, {subject.layers} layers, block {subject.block}, "
        f"{subject.tokenizer}"
    )
    return [
        *wrapped(title),
        f"{'bits per byte':13} {_row(both.search)}  search text, {both.search.n:,} tokens",
        f"{'':13} {_row(both.train)}  train text, {both.train.n:,} tokens",
    ]


def _context(taken: Diagnosis) -> list[str]:
    block = taken.context[-1].tokens
    lines = [
        f"loss by context, the same {taken.context[0].loss.n:,} targets after each length",
        f"{'tokens':>8}  {'bits/byte':>9}  {'95 % interval':18}  more than with {block}",
    ]
    for point in taken.context:
        more = "" if point.tokens == block else _difference(point.lost)
        lines.append(f"{point.tokens:8}  {_row(point.loss)}  {more}".rstrip())
    return lines


def _positions(taken: Diagnosis) -> list[str]:
    lines = [
        "loss by position in the window, other targets at each",
        f"{'position':>10}  {'bits/byte':>9}  {'95 % interval':18}  tokens",
    ]
    for point in taken.positions:
        place = str(point.first) if point.first == point.last else f"{point.first} to {point.last}"
        lines.append(f"{place:>10}  {_row(point.loss)}  {point.loss.n:,}")
    return lines


def _calibration(found: Calibration) -> list[str]:
    entropy, right = found.entropy, found.accuracy
    return [
        f"next-token distribution, {entropy.n:,} tokens",
        f"  {'entropy':18} {entropy.value:.3f} bits per token{_between(entropy, 3)}",
        f"  {'right':18} {right.value:.3f}{_between(right, 3)}, {found.confidence:.3f} sure",
        f"  {'calibration error':18} {found.error:.3f}",
    ]


def _kinds(taken: Diagnosis) -> list[str]:
    lines = [
        "loss by kind of token",
        f"{'kind':13}{'bits/byte':>10}  {'95 % interval':18}{'of bytes':>10}{'of loss':>10}"
        f"{'tokens':>10}",
    ]
    lines += [
        f"{one.kind:13} {_row(one.loss)}{one.byte_share:>10.1%}{one.loss_share:>10.1%}"
        f"{one.loss.n:>10,}"
        for one in taken.kinds
    ]
    return lines


def _surprises(found: Sequence[Surprise]) -> list[str]:
    lines = ["expected least, in brackets as it came and as it was expected"]
    for one in found:
        lines += wrapped(
            f"{escaped(one.before).lstrip()}[{escaped(one.token)}] at {one.probability:.1e}; "
            f"[{escaped(one.guess)}] at {one.guess_probability:.2f}",
            "    ",
            "  ",
        )
    return lines


def _influence(taken: Diagnosis) -> list[str]:
    lines = [
        f"another first token, {taken.influence[0].distance.n} contexts of each length",
        f"{'tokens on':>11}  {'distribution moves':24}loss changes by",
    ]
    for point in taken.influence:
        moves = f"{point.distance.value:.4f}{_between(point.distance, 4)}"
        change = f"{point.loss_change.value:.4f} nats{_between(point.loss_change, 4)}"
        lines.append(f"{point.tokens:11}  {moves:24}  {change}".rstrip())
    return lines


def _needle(found: Needle) -> list[str]:
    title = "needle in a haystack: a made-up name that was told, asked for at the end"
    if found.skipped:
        return wrapped(f"{title}: skipped, {found.skipped}")
    lines = [
        f"{title}; {found.points[0].advantage.n} names in each place",
        f"{'tokens':>8}  {'depth':>5}  {'nats saved':>10}  {'95 % interval':18}  {'exact':>6}  "
        "if another was told",
    ]
    lines += [
        f"{one.tokens:8}  {one.depth:>5.0%}  {one.advantage.value:+10.4f}  "
        f"{_span(one.advantage, signs=True):18}  {one.exact:>6.0%}  {one.guessed:.0%}"
        for one in found.points
    ]
    return lines


def _findings(found: Sequence[Finding]) -> list[str]:
    if not found:
        return ["findings: none; every figure is on the quiet side of its threshold"]
    lines = ["findings, the weightiest first"]
    for index, one in enumerate(found, start=1):
        lines += wrapped(one_line(f"{one.text} {one.advice}"), "    ", f"{index:2}. ")
    return lines


def escaped(text: str) -> str:
    """Foreign text on one line: line ends and tabs spelled out, other controls left out."""
    shown = visible(text).replace("\n", "\\n").replace("\t", "\\t")
    return "".join(" " if character.isspace() else character for character in shown)


def _row(found: Estimate) -> str:
    """Value and interval, 29 columns wide."""
    return f"{bpb(found.value):>9}  {_span(found):18}"


def _span(found: Estimate, *, signs: bool = False) -> str:
    if found.interval is None:
        return "-"
    low, high = found.interval.low, found.interval.high
    return f"{signed(low)} to {signed(high)}" if signs else f"{bpb(low)} to {bpb(high)}"


def _difference(found: Estimate) -> str:
    span = "" if found.interval is None else f"  {_span(found, signs=True)}"
    return f"{signed(found.value)}{span}"


def _between(found: Estimate, digits: int) -> str:
    if found.interval is None:
        return ""
    return f" ({found.interval.low:.{digits}f} to {found.interval.high:.{digits}f})"
