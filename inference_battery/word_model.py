"""How well people would write this? An open-vocabulary trigram model of the train text's words.

A piece (a word, a number, a mark) that the train text holds at least twice is a token of its own;
all others are one unknown token, and their spelling is paid for letter by letter:

    bits(piece | two before) = -log2 P3(token | two before) + [unknown] bits(spelling)

P3 and the spelling model (four letters, fitted on the rare words) are interpolated Kneser-Ney. So
letters thrown together cost more than any word, and words thrown together more than a sentence.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from inference_battery.kneser_ney import KneserNey, Tokens
from inference_battery.text import evenly, pieces

ORDER, SPELLING_ORDER = 3, 4
MIN_COUNT = 2
MAX_KNOWN, MAX_LETTERS = 500_000, 30_000
MAX_CHARACTERS = 2_000_000
"""A longer train text is read in stretches spread evenly."""
UNKNOWN = 0


class WordModel:
    """Fitted once on a train text."""

    def __init__(self, train: str) -> None:
        fitted = pieces(evenly(train, MAX_CHARACTERS))
        counted = Counter(fitted)
        known = [piece for piece, count in counted.most_common(MAX_KNOWN) if count >= MIN_COUNT]
        self._ids = {piece: index for index, piece in enumerate(known, start=UNKNOWN + 1)}
        tokens, num_known = self._tokens(fitted), len(self._ids) + 1
        self._words = KneserNey(tokens, num_known, ORDER)
        counts = np.bincount(tokens, minlength=num_known) + 0.5
        self._alone = -np.log2(counts / counts.sum())
        rare = [piece for piece, count in counted.items() if count < MIN_COUNT]
        counts_of = Counter("".join(counted))
        letters = sorted(letter for letter, _ in counts_of.most_common(MAX_LETTERS))
        # 0 ends a word, 1 is any other letter.
        self._letters = {letter: index for index, letter in enumerate(letters, start=2)}
        self._spelling = KneserNey(self._spelt(rare), len(letters) + 2, SPELLING_ORDER)

    def bits_per_character(self, text: str) -> float:
        """Bits of the text's pieces over their characters; 0 for a text without any.

        The first two pieces are read with less before them and do count.
        """
        written = pieces(text)
        if not written:
            return 0.0
        tokens = self._tokens(written)
        unknown = [piece for piece, token in zip(written, tokens, strict=True) if token == UNKNOWN]
        spelling = self._spelling.bits(self._spelt(unknown))[1:].sum() if unknown else 0.0
        bits = float(self._words.bits(tokens).sum() + spelling)
        return bits / sum(map(len, written))

    def gain(self, text: str) -> float:
        """Bits that the two pieces before a piece save over its frequency alone, a piece from the
        second on; 0 for a text of fewer.
        """
        tokens = self._tokens(pieces(text))
        if len(tokens) < 2:
            return 0.0
        return float((self._alone[tokens] - self._words.bits(tokens))[1:].mean())

    def _tokens(self, written: Sequence[str]) -> Tokens:
        return np.array([self._ids.get(piece, UNKNOWN) for piece in written], dtype=np.int64)

    def _spelt(self, written: Sequence[str]) -> Tokens:
        """Letters with an end before the first word and behind every word."""
        spelt = [[self._letters.get(letter, 1) for letter in piece] + [0] for piece in written]
        return np.array([0] + [letter for piece in spelt for letter in piece], dtype=np.int64)
