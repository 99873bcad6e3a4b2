"""Findings on components, on the size of the stream and on the sharpness of the predictions."""

from collections.abc import Iterator
from math import log

from orchestrator.analysis.diagnose.record import Diagnosis, Finding
from orchestrator.report.wording import sentence

WEAK_SHARE = 0.05
"""Of what both components save: below it one of them is not needed."""
MAX_STREAM = 10.0
"""Root mean square of the residual stream behind the last layer."""
MIN_ENTROPY = 0.3
"""Nats a token."""


def state_findings(taken: Diagnosis) -> Iterator[Finding]:
    """Those that hold."""
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
