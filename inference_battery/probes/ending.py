"""Does the model write whole sentences and stop?

chat: 1 if the model closed its answer with end-of-text and the last character is sentence-final,
      1/2 if only one of the two holds, else 0.
text: raw = share of the pieces between sentence-final marks that look right: the first continues
      the prompt, every later one opens with a capital; a finished one has 2 to 80 words; at least
      three characters in four are letters, digits or spaces.
      score = min(1, raw / human), human = mean of `raw` over passages of the reference text as
      long as the sample. A text with no finished sentence has raw 0.

Closing quotes and brackets after the sentence-final mark are allowed. Range [0, 1]. Where even
the reference text shows no sentence (a list, a script without such marks), every text scores 1.
"""

import re
from functools import lru_cache
from typing import assert_never

from inference_battery.probes.lexical_validity import words
from inference_battery.probes.passages import passages
from inference_battery.prompts import Domain

LENGTH_STEP = 64
"""Human levels are measured at multiples of this many characters."""
MIN_WORDS, MAX_WORDS = 2, 80

_CLOSERS = "\"'\u201d\u2019\u00bb)]*_"
_FINAL = ".!?\u2026\u3002\uff01\uff1f"
_SENTENCE = re.compile(rf"(.+?[{_FINAL}][{re.escape(_CLOSERS)}]*)(?=\s|$)", re.DOTALL)


def ending(text: str, reference_text: str, domain: Domain, *, ended: bool) -> float:
    """Score of one sample; an empty one scores 0."""
    if not text.strip():
        return 0.0
    match domain:
        case "chat":
            return (ended + ends_a_sentence(text)) / 2
        case "text":
            steps = max(1, round(len(text) / LENGTH_STEP))
            human = human_level(reference_text, steps * LENGTH_STEP)
            return min(1.0, whole_sentences(text) / human) if human > 0 else 1.0
        case _:
            assert_never(domain)


def ends_a_sentence(text: str) -> bool:
    """The last character, closing quotes and brackets aside, is sentence-final."""
    return text.rstrip().rstrip(_CLOSERS)[-1:] in tuple(_FINAL)


def whole_sentences(text: str) -> float:
    """Share of the sentences that look right, the unfinished last one included."""
    finished = list(_SENTENCE.finditer(text))
    if not finished:
        return 0.0
    looks = [
        (i == 0 or _opens(match[1])) and _is_prose(match[1]) and _has_sentence_length(match[1])
        for i, match in enumerate(finished)
    ]
    rest = text[finished[-1].end() :]
    if rest.strip():
        looks.append(_opens(rest) and _is_prose(rest))
    return sum(looks) / len(looks)


@lru_cache(maxsize=64)
def human_level(reference_text: str, num_characters: int) -> float:
    """Mean share over passages; 0 without a reference."""
    shares = [whole_sentences(passage) for passage in passages(reference_text, num_characters)]
    return sum(shares) / len(shares) if shares else 0.0


def _opens(sentence: str) -> bool:
    initial = re.search(r"[^\W_]", sentence)
    return initial is not None and not initial[0].islower()


def _is_prose(sentence: str) -> bool:
    plain = sum(character.isalnum() or character.isspace() for character in sentence)
    return plain >= 0.75 * len(sentence)


def _has_sentence_length(sentence: str) -> bool:
    return MIN_WORDS <= sum(1 for _ in words(sentence)) <= MAX_WORDS
