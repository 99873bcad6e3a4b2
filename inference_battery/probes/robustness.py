"""Does the model keep writing when the prompt is misspelt or from elsewhere?

    score = (fluency + lexical validity + no loops) / 3 of what it wrote to such a prompt

Absolute and not relative to its other answers, or a model that always writes badly would pass.
Range [0, 1]. Samples to ordinary prompts do not count.
"""

from collections.abc import Sequence

from inference_battery.probes.fluency import reads_well
from inference_battery.probes.lexical_validity import spelt_well
from inference_battery.probes.repetition import does_not_loop
from inference_battery.probes.scored import NOT_ASKED, Scored
from inference_battery.reference import Reference
from state.records import Sample


def robustness(samples: Sequence[Sample], reference: Reference) -> list[Scored]:
    """Score of every sample to an odd prompt."""
    return [
        NOT_ASKED if one.kind == "plain" else Scored(keeps_writing(one, reference))
        for one in samples
    ]


def keeps_writing(sample: Sample, reference: Reference) -> float:
    """Score of one sample."""
    if not sample.text.strip():
        return 0.0
    fluent, valid = reads_well(sample.text, reference), spelt_well(sample, reference)
    return (fluent + valid + does_not_loop(sample.text, reference)) / 3
