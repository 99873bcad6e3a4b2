"""What `symbio-auto diagnose` shows of the inside: layers, units, heads, weights."""

from orchestrator.analysis.compare.table import one_line, wrapped
from orchestrator.analysis.diagnose.record import Branch, Component, Diagnosis
from orchestrator.report.quantities import signed

MAX_HEADS = 12
"""Shown of a layer; the JSON has all of them."""


def layers(taken: Diagnosis) -> list[str]:
    """Each branch: how much it adds, and what the loss is without it."""
    lines = [
        f"layers, {taken.layer_tokens:,} tokens; the loss rises by so many bits per byte without "
        "the branch",
        f"{'layer':>5}  {'stream':>7}  {'branch':12}  {'update':>6}  {'variance':>8}  "
        f"{'of both':>7}  {'without it':>10}  95 % interval",
    ]
    for layer in taken.layers:
        first = f"{layer.layer:5}  {layer.stream:7.2f}"
        lines.append(f"{first}  {_branch(layer.mixing, layer.attention)}")
        lines += [f"{'':14}  {_component(one)}" for one in layer.components]
        lines.append(f"{'':14}  {_branch('feed-forward', layer.feed_forward)}")
    return [*lines, f"{'end':>5}  {taken.stream_end:7.2f}"]


def _branch(name: str, branch: Branch) -> str:
    between = branch.worth.interval
    span = f"{signed(between.low)} to {signed(between.high)}" if between else "-"
    return (
        f"{name:12}  {branch.update:6.2f}  {branch.variance:8.2g}  {branch.share:7.0%}  "
        f"{signed(branch.worth.value):>10}  {span}"
    )


def _component(one: Component) -> str:
    return (
        f"  {one.name:10}  {one.update:6.2f}  {one.variance:8.2g}  {'':>7}  "
        f"{signed(one.worth.value):>10}"
    )


def components(taken: Diagnosis) -> list[str]:
    """What each component of a fused backbone is worth."""
    if not taken.components:
        return []
    lines = ["components: the loss rises by so many bits per byte without one in every layer"]
    return lines + [
        f"  {one.name:10}  {signed(one.worth.value):>8}  {one.share:4.0%} of what both save"
        for one in taken.components
    ]


def units(taken: Diagnosis) -> list[str]:
    """The activation at work."""
    lines = [
        "units of the feed-forward",
        f"{'layer':>5}  {'units':>6}  {'dead':>5}  {'saturated':>9}  {'flat':>5}  "
        f"{'inputs, 1 to 99 %':18}  {'curve bends':16}  needs the curve",
    ]
    for layer in taken.layers:
        one = layer.units
        inputs = f"{_place(one.inputs[0])} to {_place(one.inputs[2])}"
        bend = f"{_place(one.bend[0])} to {_place(one.bend[1])}" if one.bend else "straight"
        lines.append(
            f"{layer.layer:5}  {one.units:6,}  {one.dead_share:5.0%}  {one.saturated_share:9.0%}  "
            f"{one.flat_share:5.0%}  {inputs:18}  {bend:16}  {one.nonlinear_share:.1%}"
        )
    return lines


def _place(x: float) -> str:
    """With its sign; what rounds to nothing has none below it."""
    return f"{round(x, 2) + 0.0:+.2f}"


def heads(taken: Diagnosis) -> list[str]:
    """Where the heads look, if there are any."""
    if not any(layer.heads for layer in taken.layers):
        return []
    lines = ["attention by head: entropy (1 is even), and tokens it looks back on average"]
    for layer in (one for one in taken.layers if one.heads):
        shown = layer.heads[:MAX_HEADS]
        cells = "  ".join(f"{one.entropy:.2f} {one.distance:5.1f}" for one in shown)
        more = f"  and {len(layer.heads) - MAX_HEADS} more" if len(layer.heads) > MAX_HEADS else ""
        lines += wrapped(f"{cells}{more}", "       ", f"{layer.layer:5}  ")
    return lines


def weights(taken: Diagnosis) -> list[str]:
    """Size and directions of each matrix, those of a layer in a line."""
    lines = ["weights: root mean square, and effective rank as a share of the directions"]
    groups: dict[str, list[str]] = {}
    for one in taken.weights:
        parts = one.name.split(".")
        whose = f"layer {int(parts[1]) + 1}" if parts[0] == "blocks" else one_line(one.name)
        name = parts[-1] if parts[0] == "blocks" else "-".join(map(str, one.shape))
        groups.setdefault(whose, []).append(f"{name} {one.rms:.3f} {one.rank_share:.0%}")
    for whose, cells in groups.items():
        lines += wrapped("   ".join(cells), " " * 13, f"  {whose:11}")
    return lines
