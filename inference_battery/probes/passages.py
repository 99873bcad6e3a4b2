"""Stretches of human text, to see what a probe says of them at the length of a sample."""

import re

_MARKER = re.compile(r"<\|\w+\|>\s*")
NUM_PASSAGES = 32


def passages(text: str, num_characters: int) -> tuple[str, ...]:
    """Up to 32 stretches of `num_characters`, spread evenly, that begin at a word.

    Control markers are removed. A shorter text is its own only passage; an empty one has none.
    """
    plain = _MARKER.sub("", text).strip()
    if len(plain) <= num_characters:
        return (plain,) if plain else ()
    last = len(plain) - num_characters
    count = max(1, min(NUM_PASSAGES, len(plain) // num_characters))
    starts = [last * i // max(1, count - 1) for i in range(count)]
    return tuple(_from_word(plain, start, num_characters) for start in starts)


def _from_word(text: str, start: int, num_characters: int) -> str:
    if start > 0:
        space = re.compile(r"\s+").search(text, start, start + num_characters // 2)
        start = space.end() if space else start
    return text[start : start + num_characters]
