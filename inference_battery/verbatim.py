"""How much of a text stands word for word in the train text?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference_battery.text import pieces

RUN = 6
"""Pieces in a row that count as copied."""
UNKNOWN = 0
_FACTOR = np.uint64(0x9E3779B97F4A7C15)

Codes = NDArray[np.uint64]


class Verbatim:
    """Every run of RUN pieces of the train text, as a sorted hash of 8 bytes."""

    def __init__(self, train: str) -> None:
        self._ids: dict[str, int] = {}
        read = [self._ids.setdefault(piece, len(self._ids) + 1) for piece in pieces(train)]
        self._runs = np.unique(_codes(read))

    def copied_share(self, text: str, prompt: str = "") -> float:
        """Share of the pieces that lie in a run found in the train text or in the prompt, in
        [0, 1].
        """
        written = pieces(text)
        codes, own = _codes(self._known(written)), set(_runs(pieces(prompt)))
        at = np.searchsorted(self._runs, codes).clip(max=max(0, len(self._runs) - 1))
        seen = self._runs[at] == codes if len(self._runs) else np.zeros(len(codes), dtype=bool)
        covered = np.zeros(len(written), dtype=bool)
        for start, run in enumerate(_runs(written)):
            if seen[start] or run in own:
                covered[start : start + RUN] = True
        return float(covered.mean()) if written else 0.0

    def _known(self, written: Sequence[str]) -> list[int]:
        return [self._ids.get(piece, UNKNOWN) for piece in written]


def _codes(ids: Sequence[int]) -> Codes:
    """A polynomial hash of every run of RUN ids, modulo 2^64."""
    read = np.array(ids, dtype=np.uint64)
    count = max(0, len(read) - RUN + 1)
    codes = np.zeros(count, dtype=np.uint64)
    for offset in range(RUN):
        codes = codes * _FACTOR + read[offset : offset + count]
    return codes


def _runs(written: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(written[i : i + RUN]) for i in range(len(written) - RUN + 1)]
