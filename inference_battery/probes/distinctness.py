"""Does the model vary its words? Distinct words and pairs of words, up to what people show.

    raw   = (distinct words / words + distinct pairs / pairs) / 2
    score = min(1, raw / human)

human: mean of `raw` over held-out passages as long as the sample; longer texts repeat more. More
variety than people's earns nothing, so characters or words at random are no gain.

Range [0, 1]. A sample counts by its length. Source: "distinct-n", Li et al. 2016, arXiv 1510.03055.
"""

from collections.abc import Sequence
from itertools import pairwise

from inference_battery.probes.scored import Scored, each
from inference_battery.reference import Reference
from inference_battery.text import words
from state.records import Sample


def distinctness(samples: Sequence[Sample], reference: Reference) -> list[Scored]:
    """Score of every plain sample."""

    def rate(one: Sample) -> float:
        human = reference.mean("distinct", distinct_share, len(one.text), 1.0)
        return distinct_share(one.text) / human if human > 0 else 1.0

    return each(samples, rate)


def distinct_share(text: str) -> float:
    """Mean of the distinct shares of words and of pairs; 0 for a text without words."""
    written = list(words(text))
    pairs = list(pairwise(written))
    shares = [len(set(some)) / len(some) for some in (written, pairs) if some]
    return sum(shares) / len(shares) if shares else 0.0
