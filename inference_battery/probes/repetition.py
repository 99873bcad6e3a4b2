"""Does the model loop? Repetition inside a sample beyond what human text of that length shows.

    raw   = max(longest repeated span, 3-gram loop share, 4-gram loop share)
    score = 1 - max(0, raw - human) / (1 - human)

longest repeated span: characters of the longest string that occurs twice (overlaps allowed), over
    the characters of the sample.
n-gram loop share: 1 - distinct / all runs of n words (Source: "seq-rep-n", Welleck et al. 2019,
    arXiv 1908.04319, section 6.1).
human: 95 % quantile of `raw` over held-out passages as long as the sample, at most 0.9.

Range [0, 1]; 1 = no more loops than people write, so human text scores about 1, an endless loop
about 0. An empty sample scores 0. A sample counts by its length.
"""

from collections.abc import Sequence

from inference_battery.probes.scored import Scored, beyond, each
from inference_battery.reference import Reference
from inference_battery.text import words
from state.records import Sample

MAX_CHARACTERS = 4_000
"""The longest repeated string takes quadratic room."""


def repetition(samples: Sequence[Sample], reference: Reference) -> list[Scored]:
    """Score of every plain sample."""
    return each(samples, lambda one: does_not_loop(one.text, reference))


def does_not_loop(text: str, reference: Reference) -> float:
    """Score of one text."""
    human = min(0.9, reference.quantile("loops", raw_repetition, len(text), 0.95, 0.0))
    return 1 - beyond(raw_repetition(text), human)


def raw_repetition(text: str) -> float:
    """Share of the text, of its first 4,000 characters, that repeats, in [0, 1)."""
    text = text[:MAX_CHARACTERS]
    return max(longest_span_share(text), loop_share(text, 3), loop_share(text, 4))


def loop_share(text: str, n: int) -> float:
    """Share of the runs of n words that already occurred; 0 where there is no such run."""
    sequence = list(words(text))
    runs = [tuple(sequence[i : i + n]) for i in range(len(sequence) - n + 1)]
    return 1.0 - len(set(runs)) / len(runs) if runs else 0.0


def longest_span_share(text: str) -> float:
    """Length of the longest string that occurs twice, over the length of the text."""
    shortest, longest = 0, max(0, len(text) - 1)
    while shortest < longest:
        middle = (shortest + longest + 1) // 2
        if _repeats(text, middle):
            shortest = middle
        else:
            longest = middle - 1
    return shortest / len(text) if text else 0.0


def _repeats(text: str, length: int) -> bool:
    seen: set[str] = set()
    for start in range(len(text) - length + 1):
        span = text[start : start + length]
        if span in seen:
            return True
        seen.add(span)
    return False
