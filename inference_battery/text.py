"""Cutting text into words, pieces and sentences, the same way for every probe."""

import re
from collections.abc import Iterator

MARKER = re.compile(r"<\|\w+\|>")
"""A control marker such as `<|user|>`."""
_WORD = re.compile(r"[^\W\d_]+")
_PIECE = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
_NUM_STRETCHES = 64
_CLOSERS = "\"'\u201d\u2019\u00bb)]*_"
_FINAL = ".!?\u2026\u3002\uff01\uff1f"
_SENTENCE_END = re.compile(rf"[{_FINAL}][{re.escape(_CLOSERS)}]*(?=\s|$)")


def without_markers(text: str) -> str:
    """The text with a space for every control marker such as `<|user|>`."""
    return MARKER.sub(" ", text)


def words(text: str) -> Iterator[str]:
    """Lower-cased runs of letters; control markers are not words."""
    return (word[0].lower() for word in _WORD.finditer(without_markers(text)))


def whole_words(text: str, *, ended: bool) -> list[str]:
    """The words of a text without the last one where it may have been cut off."""
    written = list(words(text))
    return written if ended or not text[-1:].isalpha() else written[:-1]


def pieces(text: str) -> list[str]:
    """Lower-cased words, numbers and single marks, control markers aside."""
    return [piece.lower() for piece in _PIECE.findall(without_markers(text))]


def sentences(text: str) -> list[str]:
    """Stretches up to a sentence-final mark and the quotes that close it; an unfinished last one
    is left out.
    """
    found, start = [], 0
    for mark in _SENTENCE_END.finditer(text):
        if mark.start() > start:
            found.append(text[start : mark.end()])
            start = mark.end()
    return found


def ends_a_sentence(text: str) -> bool:
    """The last character, closing quotes and brackets aside, is sentence-final."""
    return text.rstrip().rstrip(_CLOSERS)[-1:] in tuple(_FINAL)


def spread(text: str, length: int, count: int) -> list[str]:
    """Stretches of `length` characters, spread evenly over the text; a short text is its own."""
    last = max(0, len(text) - length)
    num = max(1, min(count, len(text) // length))
    starts = [last * i // max(1, num - 1) for i in range(num)]
    return [text[start : start + length] for start in starts]


def evenly(text: str, most: int) -> str:
    """At most so many characters of a text, in stretches spread evenly over it."""
    if len(text) <= most:
        return text
    return "\n".join(spread(text, most // _NUM_STRETCHES, _NUM_STRETCHES))
