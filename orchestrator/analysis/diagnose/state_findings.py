"""Findings on components, on the size of the stream and on the sharpness of the predictions."""

from collections.abc import Iterator
from math import log, sqrt

from orchestrator.analysis.diagnose.record import Diagnosis, Finding
from orchestrator.report.quantities import bpb
from orchestrator.report.wording import sentence

WEAK_SHARE = 0.05
"""Of what both components save: below it one of them is not needed."""
MAX_STREAM = 10.0
"""Root mean square of the residual stream behind the last layer."""
ADDS_UP = 1.8
"""Times that a state grows where a text doubles: 2 forgets nothing, 1.4 adds up what is random."""
MIN_ENTROPY = 0.3
"""Nats a token."""
DEAD_BRANCH = 0.01
"""Standard deviation over tokens of what a branch adds."""
MISLEADING = 0.005
"""Bits per byte that states from beyond the block cost."""


def state_findings(taken: Diagnosis) -> Iterator[Finding]:
    """Those that hold."""
    for part in (_components, _dead, _sizes, _adding_up, _beyond):
        yield from part(taken)


def _components(taken: Diagnosis) -> Iterator[Finding]:
    """Components that are hardly needed."""
    for one in taken.components:
        if one.share < WEAK_SHARE:
            yield Finding(
                weight=0.01,
                text=sentence(
                    f"{one.name} saves {one.share:.1%} of what the components save one by one"
                ),
                advice="Another --backbone, or another rate for it: optimizer."
                f"{one.name}_rate in a --config.",
            )


def _dead(taken: Diagnosis) -> Iterator[Finding]:
    """Branches that add the same behind every token."""
    for layer in taken.layers:
        variances = {one.name: one.variance for one in layer.components}
        variances[layer.mixing] = layer.attention.variance
        variances["feed-forward"] = layer.feed_forward.variance
        for name, variance in variances.items():
            if variance < DEAD_BRANCH**2:
                yield Finding(
                    weight=0.005,
                    text=f"Layer {layer.layer}'s {name} says next to nothing: over tokens it "
                    f"deviates by {sqrt(variance):.4f} from its mean.",
                    advice="More steps, or a higher --lr.",
                )


def _sizes(taken: Diagnosis) -> Iterator[Finding]:
    """Streams that have grown, predictions that have collapsed."""
    if taken.stream_end > MAX_STREAM:
        yield Finding(
            weight=0.005,
            text=f"The stream behind the last layer has grown to {taken.stream_end:.1f}.",
            advice="A lower --lr.",
        )
    entropy = taken.calibration.entropy.value * log(2)
    if entropy < MIN_ENTROPY:
        yield Finding(
            weight=0.005,
            text=f"Its predictions have collapsed to {entropy:.2f} nats a token on average.",
            advice="A lower --lr, or more text.",
        )


def _adding_up(taken: Diagnosis) -> Iterator[Finding]:
    """States that forget nothing while the longest text doubles."""
    sizes = {(one.layer, one.component, one.tokens): one.rms for one in taken.states.points}
    longest = max((tokens for _, _, tokens in sizes), default=0)
    for (layer, component, tokens), rms in sizes.items():
        half = sizes.get((layer, component, longest // 2))
        if tokens != longest or half is None or rms.interval is None or half.interval is None:
            continue
        if rms.interval.low > ADDS_UP * half.interval.high:
            yield Finding(
                weight=0.005,
                text=f"The state of layer {layer}'s {component} adds up and forgets nothing: from "
                f"{longest // 2:,} to {longest:,} tokens it grows {rms.value / half.value:.2f} "
                "times.",
                advice="A lower --lr, or a longer --block, so that it learns to forget.",
            )


def _beyond(taken: Diagnosis) -> Iterator[Finding]:
    """States that were handed on further than in training."""
    worth = taken.long_range.beyond
    if worth is None or worth.interval is None or worth.interval.high > -MISLEADING:
        return
    block, longest = taken.subject.block, taken.long_range.points[-1].tokens
    stateful = taken.subject.stateful
    yield Finding(
        weight=-worth.value if stateful else MISLEADING,
        text=f"What lies beyond the block misleads it: after {longest:,} tokens the loss is higher "
        f"by {bpb(-worth.value)} bits per byte than after {block:,}.",
        advice="More steps, or a longer --block."
        if stateful
        else "--stateful trains it to read on; without, it is given no more than a block.",
    )
