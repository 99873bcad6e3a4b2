"""A corpus of any size out of a small one: its text again and again, with other words in it.

Words are replaced so often that no stretch is a near copy of another one, which a split would keep
together. Only the text given is in memory, whatever is written.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

REPLACED = 0.4
"""Share of the words that are others of the text in each repetition."""


def write_corpus(text: str, path: Path, num_bytes: int, rng: np.random.Generator) -> int:
    """Write at least `num_bytes` bytes of UTF-8, less than a paragraph more; returns how many."""
    written = 0
    with path.open("wb") as file:
        for paragraph in endless(text, rng):
            written += file.write(paragraph.encode())
            if written >= num_bytes:
                break
    return written


def endless(text: str, rng: np.random.Generator) -> Iterator[str]:
    """The paragraphs of the text, for ever, in another order and with other words each time.

    Raises:
        ValueError: there is no word in it.
    """
    paragraphs = [one.split() for one in text.split("\n\n") if one.strip()]
    if not paragraphs:
        raise ValueError("the text holds no word to make a corpus of; give another")
    words = np.array([word for paragraph in paragraphs for word in paragraph], dtype=object)
    ends = np.cumsum([len(paragraph) for paragraph in paragraphs]).tolist()
    while True:
        others = words.copy()
        replaced = rng.random(len(words)) < REPLACED
        others[replaced] = rng.choice(words, int(replaced.sum()))
        drawn = others.tolist()
        for index in rng.permutation(len(paragraphs)).tolist():
            start = ends[index - 1] if index else 0
            yield " ".join(drawn[start : ends[index]]) + "\n\n"
