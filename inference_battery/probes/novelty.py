"""Does the model write something of its own? What is copied beyond what people copy by chance.

    score = 1 - max(0, copied - human) / (1 - human)

copied: share of the words and marks that lie in a run of six that the train text or the prompt
    holds.
human: 95 % quantile of `copied` over held-out passages as long as the sample, at most 0.9.

Range [0, 1]; train text scores about 0. Below MEMORISED, empty texts aside, a battery says that the
model recites.
"""

from collections.abc import Sequence

from inference_battery.probes.scored import NOT_ASKED, Scored, beyond, each
from inference_battery.reference import Reference
from state.records import Sample

MEMORISED = 0.5


def novelty(samples: Sequence[Sample], reference: Reference) -> list[Scored]:
    """Score of every plain sample; of none where no text was held out to compare with."""
    if not reference.has_held_out:
        return [NOT_ASKED for _ in samples]
    measure = reference.verbatim.copied_share

    def rate(one: Sample) -> float:
        human = min(0.9, reference.quantile("copied", measure, len(one.text), 0.95, 0.0))
        return 1 - beyond(measure(one.text, one.prompt), human)

    return each(samples, rate)


def recites(samples: Sequence[Sample], scored: Sequence[Scored]) -> bool:
    """Whether what was written, if anything was, is mostly copied."""
    written = [one for sample, one in zip(samples, scored, strict=True) if sample.text.strip()]
    weight = sum(one.weight for one in written)
    return weight > 0 and sum(one.score * one.weight for one in written) < MEMORISED * weight
