"""Stretches of human text, to see what a probe says of them at the length of a sample."""

import re

NUM_PASSAGES = 32

_MARKER = re.compile(r"<\|\w+\|>\s*")
_SPACE = re.compile(r"\s+")
_MARKER_ROOM = 256
"""Characters read beyond a passage, to make up for markers that are taken out."""


def passages(text: str, num_characters: int) -> tuple[str, ...]:
    """Up to 32 stretches of at most `num_characters`, spread evenly, that begin at a word.

    Control markers are removed. A shorter text is its own only passage; an empty one has none.
    """
    last = max(0, len(text) - num_characters)
    count = max(1, min(NUM_PASSAGES, len(text) // num_characters))
    starts = [last * i // max(1, count - 1) for i in range(count)]
    found = (_passage(text, start, num_characters) for start in starts)
    return tuple(passage for passage in found if passage)


def _passage(text: str, start: int, num_characters: int) -> str:
    if start > 0:
        space = _SPACE.search(text, start, start + num_characters // 2)
        start = space.end() if space else start
    stretch = text[start : start + num_characters + _MARKER_ROOM]
    return _MARKER.sub("", stretch)[:num_characters].strip()
