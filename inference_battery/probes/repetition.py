"""Does the model loop? Repetition inside a sample beyond what human text of that length shows.

    raw   = max(longest repeated span, 3-gram loop share, 4-gram loop share)
    score = 1 - max(0, raw - human) / (1 - human)

longest repeated span: characters of the longest string that occurs twice (overlaps allowed), over
    the characters of the sample.
n-gram loop share: 1 - distinct / all runs of n words (Source: "seq-rep-n", Welleck et al. 2019,
    arXiv 1908.04319, section 6.1).
human: 95 % quantile of `raw` over passages of the reference text as long as the sample.

Range [0, 1]; 1 = no more loops than people write, so human text scores about 1, an endless loop
about 0. An empty sample scores 0.
"""

from functools import lru_cache

import numpy as np

from inference_battery.probes.lexical_validity import words
from inference_battery.probes.passages import passages

LENGTH_STEP = 64
"""Human levels are measured at multiples of this many characters."""


def repetition(text: str, reference_text: str) -> float:
    """Score of one sample."""
    if not text.strip():
        return 0.0
    steps = max(1, round(len(text) / LENGTH_STEP))
    human = human_level(reference_text, steps * LENGTH_STEP)
    return 1.0 - max(0.0, raw_repetition(text) - human) / (1.0 - human)


def raw_repetition(text: str) -> float:
    """Share of the text that repeats, in [0, 1)."""
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


@lru_cache(maxsize=64)
def human_level(reference_text: str, num_characters: int) -> float:
    """95 % quantile of the raw value over passages, at most 0.9; 0 without a reference."""
    raw = [raw_repetition(passage) for passage in passages(reference_text, num_characters)]
    return min(0.9, float(np.quantile(raw, 0.95))) if raw else 0.0


def _repeats(text: str, length: int) -> bool:
    seen: set[str] = set()
    for start in range(len(text) - length + 1):
        span = text[start : start + length]
        if span in seen:
            return True
        seen.add(span)
    return False
