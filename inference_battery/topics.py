"""What a text is about: latent semantic analysis of the train text.

Windows of WINDOW words are the documents; words weigh log(1 + count) idf; a text lies where its
words lie in the span of the NUM_TOPICS largest singular vectors.

Source: Deerwester et al. 1990.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from inference_battery.text import evenly, words

WINDOW, NUM_TOPICS = 60, 48
MIN_COUNT, MAX_WORDS = 3, 20_000
MAX_CHARACTERS = 1_000_000
MIN_WINDOWS = 8


class Topics:
    """Fitted once; a train text of a few windows has no topics, and every text lies at 0."""

    def __init__(self, train: str) -> None:
        read = list(words(evenly(train, MAX_CHARACTERS)))
        windows = [Counter(read[start : start + WINDOW]) for start in range(0, len(read), WINDOW)]
        counted = Counter(read)
        known = [word for word, count in counted.most_common(MAX_WORDS) if count >= MIN_COUNT]
        self._ids = {word: index for index, word in enumerate(known)}
        self._vectors = self._fit(windows) if len(windows) >= MIN_WINDOWS else None

    def place(self, text: str) -> NDArray[np.float64]:
        """Sum of the vectors of the text's words, [NUM_TOPICS]."""
        if self._vectors is None:
            return np.zeros(1)
        rows, weights = self._weights(Counter(words(text)))
        place: NDArray[np.float64] = weights @ self._vectors[rows]
        return place

    def _weights(self, counted: Counter[str]) -> tuple[list[int], NDArray[np.float64]]:
        found = [(self._ids[word], count) for word, count in counted.items() if word in self._ids]
        rows = [row for row, _ in found]
        counts = np.array([count for _, count in found], dtype=np.float64)
        return rows, np.log1p(counts) * self._rarity[rows]

    def _fit(self, windows: Iterable[Counter[str]]) -> NDArray[np.float64] | None:
        """Vectors of the words, [words, topics]; sets the idf on the way."""
        windows = list(windows)
        spread = np.zeros(len(self._ids))
        for window in windows:
            spread[[self._ids[word] for word in window if word in self._ids]] += 1
        self._rarity = np.log(len(windows) / np.maximum(1, spread))
        placed = [self._weights(window) for window in windows]
        columns = np.repeat(np.arange(len(windows)), [len(rows) for rows, _ in placed])
        rows = [row for some, _ in placed for row in some]
        values = np.concatenate([weights for _, weights in placed])
        shape = (len(self._ids), len(windows))
        rank = min(NUM_TOPICS, min(shape) - 1)
        if rank < 1 or not values.any():
            return None
        matrix = csr_array((values, (rows, columns)), shape=shape)
        found, _, _ = svds(matrix, k=rank, v0=np.ones(min(shape)), random_state=0)
        vectors: NDArray[np.float64] = found
        return vectors
