"""What `symbio-auto diagnose` shows of texts as long as the model can read."""

from orchestrator.analysis.compare.table import wrapped
from orchestrator.analysis.diagnose.record import (
    Estimate,
    GainPoint,
    LongRange,
    Needle,
    States,
    StateSize,
)
from orchestrator.analysis.diagnose.spans import difference, row, span

MAX_LENGTHS = 7
"""Columns of lengths; the JSON has all of them."""


def long_range(found: LongRange) -> list[str]:
    """What far context is worth; without a table where the one of the context says it all."""
    title = "long-range gain"
    if found.skipped:
        return wrapped(f"{title}: skipped, {found.skipped}")
    first, last = found.points[0], found.points[-1]
    saved = f"{first.tokens} to {last.tokens} tokens save {_percent(found.share)}"
    if found.beyond is None:
        return wrapped(f"{title}: {saved} of the loss; {found.reach}")
    lines = wrapped(f"{title}: {first.loss.n:,} targets; {found.reach}")
    lines.append(
        f"{'tokens':>8}  {'bits/byte':>9}  {'95 % interval':18}  less than with {first.tokens}"
    )
    lines += [_gain(one, shown=one is not first) for one in found.points]
    beyond = f"what lies beyond the block {difference(found.beyond)} bits per byte"
    return [*lines, *wrapped(f"{saved} of the loss; {beyond}")]


def _gain(point: GainPoint, *, shown: bool) -> str:
    less = difference(point.gain) if shown else ""
    return f"{point.tokens:8,}  {row(point.loss)}  {less}".rstrip()


def _percent(found: Estimate | None) -> str:
    """`12.3 % (10.1 to 14.2 %)`."""
    assert found is not None
    shown = f"{found.value:.1%}".replace("%", " %")
    if found.interval is None:
        return shown
    return f"{shown} ({100 * found.interval.low:.1f} to {100 * found.interval.high:.1f} %)"


def needle(found: Needle) -> list[str]:
    """By length and depth."""
    title = "needle in a haystack: a made-up name that was told, asked for at the end"
    if found.skipped:
        return wrapped(f"{title}: skipped, {found.skipped}")
    lines = [
        *wrapped(f"{title}; {found.points[0].advantage.n} names in each place; {found.reach}"),
        f"{'tokens':>8}  {'depth':>5}  {'nats saved':>10}  {'95 % interval':18}  {'exact':>6}  "
        "if another was told",
    ]
    lines += [
        f"{one.tokens:8,}  {one.depth:>5.0%}  {one.advantage.value:+10.4f}  "
        f"{span(one.advantage, signs=True):18}  {one.exact:>6.0%}  {one.guessed:.0%}"
        for one in found.points
    ]
    return lines


def states(found: States) -> list[str]:
    """By component, its length from left to right."""
    title = "states: root mean square of their entries behind so many tokens"
    if found.skipped:
        return wrapped(f"{title}: skipped, {found.skipped}")
    lengths = _shown(sorted({one.tokens for one in found.points}))
    lines = [
        *wrapped(f"{title}, {found.points[0].rms.n} texts; {found.reach}"),
        f"{'layer':>5}  {'component':9}" + "".join(f"{one:>10,}" for one in lengths),
    ]
    for layer, component in dict.fromkeys((one.layer, one.component) for one in found.points):
        cells = [_size(found.points, layer, component, tokens) for tokens in lengths]
        lines.append(f"{layer:5}  {component:9}" + "".join(cells))
    return lines


def _shown(lengths: list[int]) -> list[int]:
    """The longest, and every second or third below it, so that they fit a line."""
    step = -(-len(lengths) // MAX_LENGTHS)
    return lengths[::-1][::step][::-1]


def _size(points: tuple[StateSize, ...], layer: int, component: str, tokens: int) -> str:
    wanted = (layer, component, tokens)
    rms = next(one.rms for one in points if (one.layer, one.component, one.tokens) == wanted)
    return f"{rms.value:>10.4g}"
