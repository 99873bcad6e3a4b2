"""The yardstick that a trained model must pass: a byte model that looks back two bytes.

Witten-Bell interpolation: the estimate of order k after a context seen N times with T different
continuations is (count + T * estimate of order k - 1) / (N + T), down to the uniform distribution.
Source: Witten and Bell, The zero-frequency problem, 1991, method C; Chen and Goodman, An empirical
study of smoothing techniques for language modeling, 1996, section 2.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Probabilities = NDArray[np.float64]

_CHUNK_BYTES = 2**24


@dataclass(frozen=True)
class _Table:
    """Sorted codes and a number for each."""

    codes: Codes
    numbers: Codes

    @classmethod
    def count(cls, codes: Codes) -> Self:
        return cls(*np.unique(codes, return_counts=True))

    def merge(self, other: "_Table") -> "_Table":
        """Numbers of equal codes added."""
        codes, places = np.unique(np.concatenate([self.codes, other.codes]), return_inverse=True)
        numbers = np.zeros(len(codes), dtype=np.int64)
        np.add.at(numbers, places, np.concatenate([self.numbers, other.numbers]))
        return _Table(codes, numbers)

    def look_up(self, codes: Codes) -> Codes:
        """The number of each code, 0 for those not in the table."""
        places = np.searchsorted(self.codes, codes).clip(max=len(self.codes) - 1)
        return np.where(self.codes[places] == codes, self.numbers[places], 0)


@dataclass(frozen=True)
class _Order:
    """Counts of one context length: of context and byte, of the context, of its continuations."""

    events: _Table
    contexts: _Table
    continuations: _Table

    @classmethod
    def fit(cls, text: NDArray[np.uint8], order: int) -> Self | None:
        """None where the text is not longer than the context."""
        if len(text) <= order:
            return None
        starts = range(0, len(text) - order, _CHUNK_BYTES)
        chunks = (text[start : start + _CHUNK_BYTES + order] for start in starts)
        tables = (_Table.count(_codes(chunk, order)) for chunk in chunks)
        events = next(tables)
        for table in tables:
            events = events.merge(table)
        contexts, places = np.unique(events.codes >> 8, return_inverse=True)
        totals = np.zeros(len(contexts), dtype=np.int64)
        np.add.at(totals, places, events.numbers)
        return cls(events, _Table(contexts, totals), _Table(contexts, np.bincount(places)))

    def interpolate(self, codes: Codes, lower: Probabilities) -> Probabilities:
        """Probability of each code's last byte after its context; `lower` where that is new."""
        contexts = codes >> 8
        total = self.contexts.look_up(contexts)
        kinds = self.continuations.look_up(contexts)
        mixed = self.events.look_up(codes) + kinds * lower
        return np.where(total > 0, mixed / np.maximum(total + kinds, 1), lower)


class Order2Model:
    """Fitted to a text; fixed from then on."""

    def __init__(self, train: bytes) -> None:
        text = np.frombuffer(train, dtype=np.uint8)
        fitted = [_Order.fit(text, order) for order in range(3)]
        self._orders = [order for order in fitted if order is not None]

    def probabilities(self, codes: Codes, order: int = 2) -> Probabilities:
        """Probability of a byte after `order` others [N], from 0x010203-like codes of them all."""
        estimate = np.full(len(codes), 1 / 256)
        for length, counts in enumerate(self._orders[: order + 1]):
            estimate = counts.interpolate(codes & (256 ** (length + 1) - 1), estimate)
        return estimate

    def bits_per_byte(self, text: bytes) -> float:
        """Mean code length; the first two bytes are predicted from what precedes them."""
        values = np.frombuffer(text, dtype=np.uint8)
        bits = 0.0
        for order in range(min(2, len(values))):
            bits -= np.log2(self.probabilities(_codes(values[: order + 1], order), order)).sum()
        for start in range(0, len(values) - 2, _CHUNK_BYTES):
            codes = _codes(values[start : start + _CHUNK_BYTES + 2], 2)
            bits -= np.log2(self.probabilities(codes)).sum()
        return float(bits / len(values))


def order2_bits_per_byte(train: bytes, test: bytes) -> float:
    """Bits per byte of `test` under the order-2 model of `train`.

    Raises:
        ValueError: the test text is empty.
    """
    if not test:
        raise ValueError("an empty text has no bits per byte; give a test split that holds text")
    return Order2Model(train).bits_per_byte(test)


def _codes(values: NDArray[np.uint8], order: int) -> Codes:
    """Each byte with the `order` bytes before it as one number [N - order], oldest highest."""
    length = len(values) - order
    codes = np.zeros(length, dtype=np.int64)
    for offset in range(order + 1):
        codes = codes << 8 | values[offset : offset + length]
    return codes
