"""Does the model write whole sentences and stop?

chat: mean of what applies. No control marker stands inside. Of an answer that the model closed: it
      is closed; its last character is sentence-final. Of one that was cut off: the share of
      people's answers that are longer.
text: raw = share of the pieces between sentence-final marks that look right: the first continues
      the prompt, every later one opens with a capital; a finished one has 2 to 80 words; at least
      three characters in four are letters, digits or spaces.
      score = min(1, raw / human), human = mean of `raw` over held-out passages as long as the
      sample. A text with no finished sentence has raw 0.

Range [0, 1]. Where even people show no sentence (a list, a script without such marks), every text
scores 1. An empty one scores 0.
"""

import re
from collections.abc import Sequence
from typing import assert_never

from inference_battery.probes.scored import Scored, spread_over
from inference_battery.reference import Reference
from inference_battery.text import ends_a_sentence, sentences, without_markers, words
from state.records import Sample

MIN_WORDS, MAX_WORDS = 2, 80


def ending(samples: Sequence[Sample], reference: Reference) -> list[Scored]:
    """Score of every plain sample."""
    return spread_over(
        samples,
        [
            Scored(ends_well(one, reference) if one.text.strip() else 0.0)
            for one in samples
            if one.kind == "plain"
        ],
    )


def ends_well(sample: Sample, reference: Reference) -> float:
    """Score of one sample."""
    text = sample.text
    match reference.domain:
        case "chat":
            plain = float(without_markers(text) == text)
            if sample.ended:
                return (plain + 1 + ends_a_sentence(text)) / 3
            return (plain + reference.longer_share(len(text))) / 2
        case "text":
            human = reference.mean("sentences", whole_sentences, len(text), 0.0)
            return min(1.0, whole_sentences(text) / human) if human > 0 else 1.0
        case _:
            assert_never(reference.domain)


def whole_sentences(text: str) -> float:
    """Share of the sentences that look right, the unfinished last one included."""
    finished = sentences(text)
    if not finished:
        return 0.0
    looks = [
        (i == 0 or _opens(one)) and _is_prose(one) and _has_sentence_length(one)
        for i, one in enumerate(finished)
    ]
    rest = text[sum(map(len, finished)) :]
    if rest.strip():
        looks.append(_opens(rest) and _is_prose(rest))
    return sum(looks) / len(looks)


def _opens(sentence: str) -> bool:
    initial = re.search(r"[^\W_]", sentence)
    return initial is not None and not initial[0].islower()


def _is_prose(sentence: str) -> bool:
    plain = sum(character.isalnum() or character.isspace() for character in sentence)
    return plain >= 0.75 * len(sentence)


def _has_sentence_length(sentence: str) -> bool:
    return MIN_WORDS <= sum(1 for _ in words(sentence)) <= MAX_WORDS
