"""How much of a text stands word for word in the train text?"""

import numpy as np

from inference_battery.text import pieces

RUN = 6
"""Pieces in a row that count as copied."""
MAX_RUNS = 20_000_000
"""A longer train text is remembered up to here."""


class Verbatim:
    """Every run of RUN pieces of the train text, as a hash."""

    def __init__(self, train: str) -> None:
        self._runs = set(_runs(pieces(train)[:MAX_RUNS]))

    def copied_share(self, text: str, prompt: str = "") -> float:
        """Share of the pieces that lie in a run found in the train text or in the prompt, in
        [0, 1].
        """
        written = pieces(text)
        own = set(_runs(pieces(prompt)))
        covered = np.zeros(len(written), dtype=bool)
        for start, run in enumerate(_runs(written)):
            if run in self._runs or run in own:
                covered[start : start + RUN] = True
        return float(covered.mean()) if written else 0.0


def _runs(written: list[str]) -> list[int]:
    return [hash(tuple(written[i : i + RUN])) for i in range(len(written) - RUN + 1)]
