"""Findings: what the figures say, from the weightiest down.

Each threshold is asked of the end of an interval that speaks against the finding, so that noise is
no finding. They and their reasons are in docs/design/diagnose.md.
"""

from collections.abc import Iterator

from orchestrator.analysis.diagnose.packing_record import Packing
from orchestrator.analysis.diagnose.record import (
    ContextPoint,
    Diagnosis,
    Estimate,
    Finding,
)
from orchestrator.analysis.diagnose.state_findings import state_findings
from orchestrator.report.quantities import bpb
from orchestrator.report.wording import counted, listed, sentence

IDLE_CONTEXT = 0.005
"""Bits per byte: context that gains less than this is idle; that costs more misleads."""
HUNGRY_CONTEXT = 0.01
"""Bits per byte that the last doubling of the context gains where more is worth a try."""
IDLE_BRANCH = 0.005
"""Share of the loss: a branch that is worth less does nothing."""
GAP = 0.05
"""Share of the loss by which search text may cost more than train text."""
MISCALIBRATED = 0.05
DEAD_UNITS, STRAIGHT = 0.1, 0.02
"""Share of units; share of the units' variance that their curve must bend."""
EVEN_HEAD, NARROW_MATRIX = 0.97, 0.25
"""Share of the greatest entropy; share of the directions of a matrix."""
NO_FASTER = 1.1
"""Times: the machine's own noise is as large."""
RECALL = 0.1
"""Nats of a surname that were not worth telling it."""


def findings_of(taken: Diagnosis) -> tuple[Finding, ...]:
    """The weightiest first."""
    parts = (_overfits, _context, _branches, _calibration, _units, _heads, _matrices, _needle)
    found = [finding for part in (*parts, state_findings) for finding in part(taken)]
    return tuple(sorted(found, key=lambda one: -one.weight))


def _overfits(taken: Diagnosis) -> Iterator[Finding]:
    """Train text is dear too where the model has not learnt it by heart."""
    search, train = taken.overall.search, taken.overall.train
    if search.interval is None or train.interval is None:
        return
    gap = search.value - train.value
    if search.interval.low - train.interval.high > GAP * search.value:
        yield Finding(
            weight=gap,
            text=f"It has learnt its train text by heart in part: {bpb(train.value)} bits per byte "
            f"there, {bpb(search.value)} on text that it has not seen.",
            advice="More text, --dropout or fewer steps; more parameters would not help.",
        )


def _context(taken: Diagnosis) -> Iterator[Finding]:
    """What the far half of the context is worth."""
    points = taken.context
    if len(points) < 3 or points[-2].lost.interval is None:
        return
    half, whole = points[-2], points[-1]
    best = min(points, key=lambda one: one.loss.value)
    if best.lost.interval is not None and best.lost.interval.high < -IDLE_CONTEXT:
        yield _far_tokens_mislead(taken, best, whole)
        return
    if half.lost.interval is not None and half.lost.interval.low > HUNGRY_CONTEXT:
        yield Finding(
            weight=half.lost.value,
            text=f"Context is still worth having where the block ends: {half.tokens} to "
            f"{whole.tokens} tokens gain {_bits(half.lost)}.",
            advice=f"--block {2 * whole.tokens} is worth a try; what it gains was not measured.",
        )
    needed = next(one for one in points if one is whole or _is_idle(one.lost))
    if needed is not whole:
        yield Finding(
            weight=IDLE_CONTEXT,
            text=f"Context beyond {counted(needed.tokens, 'token')} gains next to nothing: "
            f"{_bits(needed.lost)}.",
            advice=f"--block {max(8, needed.tokens)} would cost this model little{_speed(taken)}.",
        )


def _is_idle(lost: Estimate) -> bool:
    return lost.interval is not None and lost.interval.high < IDLE_CONTEXT


def _far_tokens_mislead(taken: Diagnosis, best: ContextPoint, whole: ContextPoint) -> Finding:
    """Long distances are the rarest in training: the greatest occurs once a window."""
    return Finding(
        weight=-best.lost.value,
        text=f"Far tokens mislead it: with the last {best.tokens} in place of all {whole.tokens} "
        f"the loss is lower by {_bits(best.lost, -1)}.",
        advice="Long distances are the rarest in training: more steps, or --block "
        f"{max(8, best.tokens)}{_speed(taken)}.",
    )


def _speed(taken: Diagnosis) -> str:
    """How fast the same tokens train in half the context, where that was measured."""
    subject = taken.subject
    own = _row(taken, subject.batch, subject.block)
    half = _row(taken, 2 * subject.batch, subject.block // 2)
    if own is None or half is None:
        return ""
    factor = half.tokens_per_second / own.tokens_per_second
    if factor < NO_FASTER:
        return ", though half the block trains the same tokens no faster here"
    return f" (half the block trains the same tokens {factor:.2g} times as fast here)"


def _row(taken: Diagnosis, batch: int, block: int) -> Packing | None:
    rows = taken.memory.rows
    return next((row for row in rows if (row.batch, row.block) == (batch, block)), None)


def _branches(taken: Diagnosis) -> Iterator[Finding]:
    """Branches without which the loss is lower, or hardly higher."""
    advice = _less(len(taken.layers))
    limit = IDLE_BRANCH * taken.overall.search.value
    idle: list[tuple[str, Estimate]] = []
    for name, worth in _worths(taken):
        if worth.interval is not None and worth.interval.high < 0:
            yield Finding(
                weight=-worth.value,
                text=sentence(f"{name} does harm: without it the loss falls by {_bits(worth, -1)}"),
                advice=advice,
            )
        elif worth.interval is not None and worth.interval.high < limit:
            idle.append((name, worth))
    if idle:
        most = max(idle, key=lambda one: one[1].value)[1]
        names = listed([name for name, _ in idle])
        text = f"{names} adds little: without it the loss rises by {_bits(most)}."
        if len(idle) > 1:
            text = (
                f"{names} add little: without one of them the loss rises by {_bits(most)} at most."
            )
        yield Finding(weight=limit, text=sentence(text), advice=advice)


def _worths(taken: Diagnosis) -> Iterator[tuple[str, Estimate]]:
    """`layer 1's attention` and what it is worth, branch by branch."""
    for layer in taken.layers:
        yield f"layer {layer.layer}'s {layer.mixing}", layer.attention.worth
        yield f"layer {layer.layer}'s feed-forward", layer.feed_forward.worth


def _less(num_layers: int) -> str:
    fewer = f"a layer less (--layers {num_layers - 1}), or " if num_layers > 1 else ""
    return f"Worth a try: {fewer}more steps."


def _calibration(taken: Diagnosis) -> Iterator[Finding]:
    """Too sure, or not sure enough."""
    found = taken.calibration
    if found.error <= MISCALIBRATED:
        return
    surer = found.confidence > found.accuracy.value
    yield Finding(
        weight=found.error,
        text=f"Its probabilities are off by {found.error:.3f} on average: it is too "
        f"{'sure' if surer else 'unsure'} of itself ({found.confidence:.3f} sure, "
        f"{found.accuracy.value:.3f} right).",
        advice=f"Sample at a {'higher' if surer else 'lower'} --temperature"
        f"{'; more text or --dropout' if surer else '; more steps'}.",
    )


def _units(taken: Diagnosis) -> Iterator[Finding]:
    """Units that are dead, and layers whose curve is a straight line where it is used."""
    for layer in taken.layers:
        units, idle = layer.units, layer.units.dead_share + layer.units.saturated_share
        if idle > DEAD_UNITS:
            yield Finding(
                weight=layer.feed_forward.worth.value * idle,
                text=f"Layer {layer.layer}: {idle:.0%} of {units.units} units are dead or "
                f"saturated on all {taken.layer_tokens:,} tokens.",
                advice="A curve with a slope on both sides (gelu, silu), or a lower --lr.",
            )
        if units.bend is not None and units.nonlinear_share < STRAIGHT:
            yield Finding(
                weight=layer.feed_forward.worth.value * STRAIGHT,
                text=f"Layer {layer.layer} uses its activation as a straight line: "
                f"{units.nonlinear_share:.1%} of what its units put out needs the curve.",
                advice="Its inputs are too small, or all on one side of the bend: more steps, or a "
                "higher --lr.",
            )


def _heads(taken: Diagnosis) -> Iterator[Finding]:
    """Heads that look at everything alike."""
    heads = [head for layer in taken.layers for head in layer.heads]
    even = sum(head.entropy > EVEN_HEAD for head in heads)
    if even:
        yield Finding(
            weight=0.001 * even,
            text=f"{even} of {len(heads)} heads attend to everything before them almost evenly.",
            advice="More steps, or fewer --heads.",
        )


def _matrices(taken: Diagnosis) -> Iterator[Finding]:
    """Matrices that use few of their directions."""
    narrow = [one for one in taken.weights if one.rank_share < NARROW_MATRIX]
    if narrow:
        named = ", ".join(one.name for one in narrow[:3])
        yield Finding(
            weight=0.001 * len(narrow),
            text=f"{counted(len(narrow), 'matrix').replace('matrixs', 'matrices')} of "
            f"{len(taken.weights)} use less than a quarter of their directions: {named}.",
            advice="More steps, or a smaller --dim.",
        )


def _needle(taken: Diagnosis) -> Iterator[Finding]:
    """A name that was told is no cheaper than one that was not."""
    longest = [one for one in taken.needle.points if one.tokens == taken.needle.points[-1].tokens]
    worth = [one.advantage.interval.high for one in longest if one.advantage.interval]
    if worth and max(worth) < RECALL:
        yield Finding(
            weight=0.002,
            text=f"It does not use a name that it was told: at no depth of {longest[0].tokens} "
            f"tokens does having been told save {RECALL} nats.",
            advice="Expect no recall within a text from this model.",
        )


def _bits(found: Estimate, sign: int = 1) -> str:
    """`0.0041 bits per byte (0.0020 to 0.0061)`."""
    between = ""
    if found.interval is not None:
        low, high = sorted((sign * found.interval.low, sign * found.interval.high))
        between = f" ({bpb(low)} to {bpb(high)})"
    return f"{bpb(sign * found.value)} bits per byte{between}"
