"""Does the model write words? The share of written letters that lie in known words.

    score = letters in words of the reference text / letters in all words

A word is a run of letters, lower-cased. Words count by their length, because chance finds "a" and
"of" but not "garden". The last word of a text that was cut off is left out. A text without words
scores 0.

Range [0, 1]; human text on the same subject scores a little below 1 (rare words). The probe sees
spelling only: known words in any order score 1.
"""

import re
from collections.abc import Iterator

_WORD = re.compile(r"[^\W\d_]+")
_MARKER = re.compile(r"<\|\w+\|>")


def words(text: str) -> Iterator[str]:
    """Lower-cased runs of letters; control markers such as `<|user|>` are not words."""
    return (word[0].lower() for word in _WORD.finditer(_MARKER.sub(" ", text)))


def vocabulary(text: str) -> frozenset[str]:
    """Every word of a text."""
    return frozenset(words(text))


def lexical_validity(text: str, known: frozenset[str], *, ended: bool) -> float:
    """Score of one sample; `ended` says that its last word is whole."""
    written = list(words(text))
    if not ended and text[-1:].isalpha():
        written = written[:-1]
    letters = sum(map(len, written))
    if letters == 0:
        return 0.0
    return sum(len(word) for word in written if word in known) / letters
