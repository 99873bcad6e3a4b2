"""What `symbio-auto diagnose` shows, as text or as JSON."""

from collections.abc import Sequence

from pydantic import JsonValue

from orchestrator.analysis.compare.table import cut, one_line, wrapped
from orchestrator.analysis.diagnose.inside_view import (
    components,
    heads,
    layers,
    units,
    weights,
)
from orchestrator.analysis.diagnose.packing_view import memory
from orchestrator.analysis.diagnose.reach_view import long_range, needle, states
from orchestrator.analysis.diagnose.record import (
    Calibration,
    Diagnosis,
    Finding,
    Surprise,
)
from orchestrator.analysis.diagnose.spans import between, difference, row
from orchestrator.report.escape import visible

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
        long_range(taken.long_range),
        _positions(taken),
        _calibration(taken.calibration),
        _kinds(taken),
        _surprises(taken.surprises),
        _influence(taken),
        needle(taken.needle),
        states(taken.states),
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
        f"{subject.backbone}{' with states handed on' if subject.stateful else ''}, "
        f"{subject.parameters:,} parameters, {subject.layers} layers, block {subject.block}, "
        f"{subject.tokenizer}"
    )
    return [
        *wrapped(title),
        f"{'bits per byte':13} {row(both.search)}  search text, {both.search.n:,} tokens",
        f"{'':13} {row(both.train)}  train text, {both.train.n:,} tokens",
    ]


def _context(taken: Diagnosis) -> list[str]:
    block = taken.context[-1].tokens
    lines = [
        f"loss by context, the same {taken.context[0].loss.n:,} targets after each length",
        f"{'tokens':>8}  {'bits/byte':>9}  {'95 % interval':18}  more than with {block}",
    ]
    for point in taken.context:
        more = "" if point.tokens == block else difference(point.lost)
        lines.append(f"{point.tokens:8}  {row(point.loss)}  {more}".rstrip())
    return lines


def _positions(taken: Diagnosis) -> list[str]:
    lines = [
        "loss by position in the window, other targets at each",
        f"{'position':>10}  {'bits/byte':>9}  {'95 % interval':18}  tokens",
    ]
    for point in taken.positions:
        place = str(point.first) if point.first == point.last else f"{point.first} to {point.last}"
        lines.append(f"{place:>10}  {row(point.loss)}  {point.loss.n:,}")
    return lines


def _calibration(found: Calibration) -> list[str]:
    entropy, right = found.entropy, found.accuracy
    return [
        f"next-token distribution, {entropy.n:,} tokens",
        f"  {'entropy':18} {entropy.value:.3f} bits per token{between(entropy, 3)}",
        f"  {'right':18} {right.value:.3f}{between(right, 3)}, {found.confidence:.3f} sure",
        f"  {'calibration error':18} {found.error:.3f}",
    ]


def _kinds(taken: Diagnosis) -> list[str]:
    lines = [
        "loss by kind of token",
        f"{'kind':13}{'bits/byte':>10}  {'95 % interval':18}{'of bytes':>10}{'of loss':>10}"
        f"{'tokens':>10}",
    ]
    lines += [
        f"{one.kind:13} {row(one.loss)}{one.byte_share:>10.1%}{one.loss_share:>10.1%}"
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
        moves = f"{point.distance.value:.4f}{between(point.distance, 4)}"
        change = f"{point.loss_change.value:.4f} nats{between(point.loss_change, 4)}"
        lines.append(f"{point.tokens:11}  {moves:24}  {change}".rstrip())
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
