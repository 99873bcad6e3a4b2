"""Interpolated Kneser-Ney: an n-gram model over integers, fitted and asked in numpy.

    P_n(w | h) = max(c(hw) - D_n, 0) / c(h.) + D_n t(h.) / c(h.) P_{n-1}(w | h'),   P_0 = 1 / V

c counts occurrences at the highest order and distinct predecessors below it, t(h.) the distinct
successors of h, h' is h without its first token, D_n = n1 / (n1 + 2 n2) of the counts' counts.
A history that was never seen leaves the next lower order as it is.

Source: Kneser and Ney 1995; Chen and Goodman 1998, section 2.8.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int64]

MAX_CODE_BITS = 62


@dataclass(frozen=True, slots=True)
class _Order:
    """Counts of the n-grams of one length; an n-gram is its tokens as digits in base V."""

    grams: Tokens
    """Sorted codes."""
    counts: NDArray[np.float64]
    histories: Tokens
    """Sorted codes of all but the last token."""
    totals: NDArray[np.float64]
    types: NDArray[np.float64]
    discount: float


class KneserNey:
    """Probabilities of tokens 0 to `vocab_size - 1` given the tokens before them."""

    def __init__(self, tokens: Tokens, vocab_size: int, order: int) -> None:
        """Fit on one sequence; its length, [N], may be anything from 0.

        Raises:
            ValueError: n-grams of this vocabulary do not fit in 62 bits.
        """
        if order * np.log2(max(2, vocab_size)) > MAX_CODE_BITS:
            raise ValueError(
                f"order {order} over {vocab_size:,} tokens needs more than {MAX_CODE_BITS} bits; "
                "take a lower order or fewer tokens"
            )
        self.vocab_size = vocab_size
        grams, counts = np.unique(self._codes(tokens, order), return_counts=True)
        orders = [self._order(grams, counts)]
        for length in range(order - 1, 0, -1):
            grams, counts = np.unique(grams % vocab_size**length, return_counts=True)
            orders.append(self._order(grams, counts))
        self._orders = orders[::-1]

    def bits(self, tokens: Tokens) -> NDArray[np.float64]:
        """-log2 P of each token, [N], given those before it in the sequence."""
        chances = np.full(len(tokens), 1.0 / self.vocab_size)
        for length, order in enumerate(self._orders, start=1):
            codes = self._codes(tokens, length)
            if not len(codes) or not len(order.grams):
                break
            tail = chances[length - 1 :]
            place, seen = _find(order.histories, codes // self.vocab_size)
            total, types = order.totals[place], order.types[place]
            at, known = _find(order.grams, codes)
            above = np.where(known, order.counts[at] - order.discount, 0.0)
            mixed = (above + order.discount * types * tail) / total
            chances[length - 1 :] = np.where(seen, mixed, tail)
        bits: NDArray[np.float64] = -np.log2(chances)
        return bits

    def _codes(self, tokens: Tokens, length: int) -> Tokens:
        count = max(0, len(tokens) - length + 1)
        codes = np.zeros(count, dtype=np.int64)
        for offset in range(length):
            codes = codes * self.vocab_size + tokens[offset : offset + count]
        return codes

    def _order(self, grams: Tokens, counts: NDArray[np.int64]) -> _Order:
        histories, first, types = np.unique(
            grams // self.vocab_size, return_index=True, return_counts=True
        )
        totals = np.add.reduceat(counts, first) if len(first) else counts
        once, twice = int((counts == 1).sum()), int((counts == 2).sum())
        discount = once / (once + 2 * twice) if once else 0.5
        return _Order(
            grams=grams,
            counts=counts.astype(np.float64),
            histories=histories,
            totals=totals.astype(np.float64),
            types=types.astype(np.float64),
            discount=min(0.95, max(0.05, discount)),
        )


def _find(sorted_codes: Tokens, wanted: Tokens) -> tuple[Tokens, NDArray[np.bool_]]:
    """Where each wanted code lies, and whether it is there at all."""
    at = np.searchsorted(sorted_codes, wanted).clip(max=len(sorted_codes) - 1)
    return at, sorted_codes[at] == wanted
