"""Does the model write words? The share of written letters that lie in words of the train text.

    score = min(1, raw / human),   raw = letters in known words / letters in all words

human: mean of `raw` over held-out passages as long as the sample, whose names are not all known.
Words count by their length, because chance finds "a" and "of" but not "garden". The last word of a
text that was cut off is left out. A text without words scores 0.

Range [0, 1]. The probe sees spelling only: known words in any order score 1.
"""

from collections.abc import Sequence

from inference_battery.probes.scored import LEAST_LENGTH, Scored, each
from inference_battery.reference import Reference
from inference_battery.text import whole_words
from state.records import Sample


def lexical_validity(samples: Sequence[Sample], reference: Reference) -> list[Scored]:
    """Score of every plain sample."""
    return each(samples, lambda one: spelt_well(one, reference), LEAST_LENGTH)


def spelt_well(sample: Sample, reference: Reference) -> float:
    """Score of one sample."""

    def raw(text: str) -> float:
        return known_share(text, reference.known_words, ended=False)

    human = reference.mean("letters", raw, len(sample.text), 1.0)
    own = known_share(sample.text, reference.known_words, ended=sample.ended)
    return min(1.0, own / human) if human > 0 else 1.0


def known_share(text: str, known: frozenset[str], *, ended: bool) -> float:
    """Share of the letters that lie in known words; `ended` says that the last word is whole."""
    written = whole_words(text, ended=ended)
    letters = sum(map(len, written))
    return sum(len(word) for word in written if word in known) / letters if letters else 0.0
