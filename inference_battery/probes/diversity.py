"""Does the model say different things to different prompts? Shared words across samples.

    raw   = mean Jaccard index of the sample's words with those of the samples of other prompts
    score = 1 - max(0, raw - human) / (1 - human)

human: mean of `raw` over held-out passages as long as the samples on average. Range [0, 1]; the
same sentence every time scores 0, and so does an empty sample. A sample counts by its length.
"""

from collections.abc import Sequence
from statistics import fmean

from inference_battery.probes.scored import NOT_ASKED, Scored, beyond, spread_over
from inference_battery.reference import LENGTH_STEP, Reference
from inference_battery.text import words
from state.records import Sample


def diversity(samples: Sequence[Sample], reference: Reference) -> list[Scored]:
    """Score of every plain sample."""
    asked = [one for one in samples if one.kind == "plain"]
    if not asked:
        return [NOT_ASKED for _ in samples]
    steps = reference.steps(fmean(len(one.text) for one in asked))
    human = reference.cached(f"shared {steps}", lambda: human_level(reference, steps * LENGTH_STEP))
    shared = shared_words([(one.prompt, one.text) for one in asked])
    return spread_over(
        samples,
        [
            Scored(1 - beyond(raw, human) if one.text.strip() else 0.0, max(1, len(one.text)))
            for one, raw in zip(asked, shared, strict=True)
        ],
    )


def human_level(reference: Reference, length: int) -> float:
    """Mean overlap of people's passages; 0 where there are too few, at most 0.9."""
    passages = [(str(i), one) for i, one in enumerate(reference.passages(length))]
    return min(0.9, fmean(shared_words(passages))) if len(passages) > 1 else 0.0


def shared_words(pairs: Sequence[tuple[str, str]]) -> list[float]:
    """For each (prompt, text) the mean Jaccard index with the texts of other prompts."""
    sets = [frozenset(words(text)) for _, text in pairs]
    found = []
    for (prompt, _), own in zip(pairs, sets, strict=True):
        others = [
            jaccard(own, other)
            for (name, _), other in zip(pairs, sets, strict=True)
            if name != prompt
        ]
        found.append(fmean(others) if others else 0.0)
    return found


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared over all; two empty sets are the same."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0
